//! Integration tests of the agent.

#[cfg(all(test, feature = "agent", feature = "testing"))]
mod agent;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod binary;
#[cfg(all(test, feature = "testing"))]
mod http;
#[cfg(test)]
#[cfg(feature = "agent")]
mod ssh;
#[cfg(all(test, feature = "testing"))]
mod support;
#[cfg(all(test, feature = "testing"))]
mod tunnel;
#[cfg(test)]
mod websocket;

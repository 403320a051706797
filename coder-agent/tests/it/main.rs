//! Integration tests of the agent.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests too, which clippy does not know"
)]

#[cfg(all(test, feature = "agent", feature = "testing"))]
mod agent;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod binary;
#[cfg(test)]
#[cfg(all(feature = "agent", feature = "testing"))]
mod devcontainers;
#[cfg(test)]
#[cfg(all(feature = "agent", feature = "testing"))]
mod git;
#[cfg(all(test, feature = "testing"))]
mod http;
#[cfg(test)]
#[cfg(all(feature = "agent", feature = "testing"))]
mod identity;
#[cfg(test)]
#[cfg(feature = "agent")]
mod ssh;
#[cfg(all(test, feature = "testing"))]
mod support;
#[cfg(all(test, feature = "testing"))]
mod tunnel;
#[cfg(test)]
mod websocket;

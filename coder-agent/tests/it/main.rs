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
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod clients;
#[cfg(test)]
#[cfg(all(feature = "agent", feature = "testing"))]
mod devcontainers;
#[cfg(test)]
#[cfg(all(feature = "agent", feature = "testing"))]
mod git;
#[cfg(all(test, feature = "testing"))]
mod http;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod http_api;
#[cfg(test)]
#[cfg(all(feature = "agent", feature = "testing"))]
mod identity;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod life;
#[cfg(all(test, feature = "testing"))]
mod lines;
#[cfg(all(test, feature = "testing"))]
mod moves;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod reconnecting_pty;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod services;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod speedtest;
#[cfg(test)]
#[cfg(feature = "agent")]
mod ssh;
#[cfg(all(test, feature = "agent", feature = "testing"))]
mod supervised;
#[cfg(all(test, feature = "testing"))]
mod support;
#[cfg(all(test, feature = "testing"))]
mod tunnel;
#[cfg(all(test, feature = "testing"))]
mod websocket;

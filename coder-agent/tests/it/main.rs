//! Integration tests of the agent.

#[cfg(feature = "agent")]
mod ssh;

//! Integration tests of the agent.

#[cfg(test)]
#[cfg(feature = "agent")]
mod ssh;

//! What thousands of agents tell every few seconds, written together: one transaction for all metadata of a moment, one
//! for all stats. Nobody waits for it to be written.

mod batch;
mod writes;

pub use writes::AgentWrites;

//! What thousands of agents tell every few seconds, written together: one transaction for all signs of life of a moment,
//! one for all metadata, one for all stats.

mod batch;
mod writes;

pub use writes::AgentWrites;

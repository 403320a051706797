//! For tests of agents and servers: a fake of the server's calls, and the suite that every
//! [`AgentApi`](crate::AgentApi) has to pass.

pub mod conformance;
mod fake;

pub use fake::{FakeAgentApi, Recorded};

//! Workspace agent: protocol types, the tunnel, the client's side, and the agent itself.

mod api;
mod client;
mod error;
pub mod protocol;
#[cfg(feature = "agent")]
pub mod ssh;
#[cfg(feature = "agent")]
pub mod ssh_client;
pub mod tunnel;

pub use api::AgentApi;
pub use client::{AgentClient, AgentConn};
pub use error::{Error, ErrorKind, Result};

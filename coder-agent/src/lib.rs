//! Workspace agent: protocol types, the tunnel, the client's side, and the agent itself.

#[cfg(feature = "agent")]
pub mod agent;
mod api;
#[cfg(feature = "agent")]
mod backoff;
#[cfg(feature = "agent")]
pub mod cli;
mod client;
mod error;
pub mod init_script;
pub mod protocol;
#[cfg(feature = "agent")]
mod script;
#[cfg(feature = "agent")]
pub mod ssh;
#[cfg(feature = "agent")]
pub mod ssh_client;
#[cfg(feature = "agent")]
pub mod stat;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tunnel;

#[cfg(feature = "agent")]
pub use agent::{Agent, AgentOptions, TunnelDialer};
pub use api::AgentApi;
pub use client::{AgentClient, AgentConn};
pub use error::{Error, ErrorKind, Result};

//! Agents: seen by users, and called by the agents themselves (`me`).

mod access;
mod connect;
mod connection;
mod container_types;
mod containers;
mod get;
mod instance_identity;
mod listening_ports;
mod logs;
mod me;
mod multiplexed;
mod ping;
mod pty;
mod pty_stream;
mod recreate_devcontainer;
mod routes;
mod types;
mod watch_metadata;

pub(crate) use routes::routes;
pub(crate) use types::{Look, WorkspaceAgent, WorkspaceAgentLog, WorkspaceAgentMetadata};

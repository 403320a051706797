//! Agents: seen by users, and called by the agents themselves (`me`).

mod connect;
mod connection;
mod get;
mod instance_identity;
mod logs;
mod me;
mod routes;
mod types;
mod watch_metadata;

pub(crate) use routes::routes;
pub(crate) use types::{Look, WorkspaceAgent, WorkspaceAgentLog, WorkspaceAgentMetadata};

//! Workspaces.

mod create;
mod get;
mod list;
mod routes;
mod settings;
mod types;
mod usage;
mod watch;

pub(crate) use routes::routes;
pub(crate) use types::{Workspace, WorkspacesResponse};

//! Builds of workspaces.

mod cancel;
mod create;
mod get;
mod list;
mod logs;
mod parameters;
mod resources;
mod routes;
mod state;
mod state_bytes;
mod timings;
mod types;

pub(crate) use create::refused;
pub(crate) use routes::routes;
pub(crate) use types::{WorkspaceBuild, WorkspaceBuildParameter, WorkspaceBuildTimings};

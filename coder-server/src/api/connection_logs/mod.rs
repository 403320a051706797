//! The log of connections to workspaces.

mod list;
mod routes;
mod types;

pub(super) use routes::routes;

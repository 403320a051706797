//! Keys with which external provisioner daemons join.

mod create;
mod daemons;
mod delete;
mod get;
mod list;
mod routes;
mod types;

pub(crate) use routes::routes;

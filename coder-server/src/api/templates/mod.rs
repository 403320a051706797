//! Templates.

mod create;
mod delete;
mod get;
mod list;
mod routes;
mod types;
mod update;

pub(crate) use routes::routes;

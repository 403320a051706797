//! Dry runs of a version.

mod cancel;
mod create;
mod get;
mod logs;
mod matched_provisioners;
mod resources;
mod routes;

pub(crate) use routes::routes;

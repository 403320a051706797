//! The endpoints, one folder per resource, one file per operation.

mod auth;
mod files;
mod general;
mod organizations;
mod root;
mod routes;
mod templates;
mod tokens;
mod users;

pub(crate) use root::routes as root_routes;
pub(crate) use routes::routes;

//! Organizations and their members.

mod create;
mod get;
mod list;
mod member;
mod member_roles;
mod members;
mod roles;
mod routes;
mod types;

pub(crate) use routes::routes;
pub(crate) use types::Organization;

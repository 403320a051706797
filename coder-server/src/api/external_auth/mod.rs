//! Logins at external providers, such as Git hosts. None can be configured yet.

mod get;
mod list;
mod routes;

pub(crate) use routes::routes;

//! Signing in and out, and asking what one may do.

mod authcheck;
mod login;
mod logout;
mod routes;
mod scopes;

pub(crate) use routes::routes;

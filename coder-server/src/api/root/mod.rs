//! What is answered outside of the API.

mod bin;
mod routes;

pub(crate) use routes::routes;

//! What is answered outside of the API.

mod routes;

pub(crate) use routes::routes;

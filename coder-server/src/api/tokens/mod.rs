//! Tokens and session keys.

mod create_key;
mod create_token;
mod expire;
mod get;
mod list;
mod revoke;
mod routes;
mod token_config;
mod types;

pub(crate) use routes::routes;

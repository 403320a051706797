//! The HTTP API, in process: the router is called directly, with a store in memory or on PostgreSQL.

pub(crate) mod harness;

mod auth;
mod files;
mod grid;
mod grid_rows;
mod hardening;
mod limits;
mod openapi;
mod organizations;
mod postgres;
mod templates;
mod tokens;
mod users;

//! Reference server: the HTTP API, its configuration, storage on PostgreSQL and the command line, all over
//! the use cases of `coder-core`.

pub mod agent_binaries;
mod api;
pub mod app_state;
pub mod cli;
pub mod config;
pub mod db;
pub mod http;
pub mod instance_identity;
pub mod listener;
pub mod password;
pub mod postgres;
pub mod reconcile;
pub mod rpc;
pub mod server;
mod telemetry;
mod terraform;

/// The version of this software as clients see it.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

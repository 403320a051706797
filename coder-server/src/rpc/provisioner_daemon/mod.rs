//! The server's side of provisioner daemons.

mod acquired;
mod api;
mod devcontainers;
mod error;
mod found;

pub use api::{DaemonApi, DaemonSettings};

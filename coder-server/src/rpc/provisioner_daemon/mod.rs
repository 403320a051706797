//! The server's side of provisioner daemons.

mod acquired;
mod api;
mod bells;
mod devcontainers;
mod error;
mod found;

pub use api::{DaemonApi, DaemonSettings};
pub use bells::Bells;

//! Provisioner daemons.

mod list;
mod routes;
mod types;

pub(crate) use routes::routes;
pub(crate) use types::ProvisionerDaemon;

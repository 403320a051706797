//! Provisioner daemons.

mod joining;
mod list;
mod membership;
mod routes;
mod serve;
mod types;

pub(crate) use routes::routes;
pub(crate) use types::ProvisionerDaemon;

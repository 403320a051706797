//! Facts of the deployment.

mod appearance;
mod buildinfo;
mod debug_ws;
mod entitlements;
mod experiments;
mod metrics;
mod regions;
mod root;
mod routes;
mod ssh;
mod update_check;

pub(crate) use root::api_root;
pub(crate) use routes::routes;

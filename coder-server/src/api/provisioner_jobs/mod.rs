//! Jobs of provisioners.

mod get;
mod list;
mod logs;
mod routes;
mod types;

pub(crate) use logs::{JobLogs, LogQuery, log_response};
pub(crate) use routes::routes;
pub(crate) use types::{MatchedProvisioners, ProvisionerJob, ProvisionerJobLog};

//! What handlers take from a request. Every refusal has the error body of the API.

mod auth;
mod json;
mod large_json;
mod pagination;
mod path;
mod provisioner;
mod query;

pub use auth::{AgentAuth, Auth, Client};
pub use json::{JSON_LIMIT, Json};
pub(crate) use large_json::UnreadJson;
pub use pagination::Pagination;
pub use path::Path;
pub use provisioner::{
    DaemonAuth, PROVISIONER_KEY_HEADER, PROVISIONER_PSK_HEADER, ProvisionerAuth,
};
pub use query::Query;

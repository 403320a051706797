//! [`MemoryStore`]: everything in one process, nothing kept. For tests, examples and embedding.
//!
//! Transactions run one after the other: `begin` waits for the one lock, works on a copy that shares
//! whatever is not changed, and commit puts the copy in place. No lookup has an index, so it is meant for
//! thousands of rows, not millions.

mod agent_identity;
mod api_key;
mod connection_log;
mod data;
mod devcontainer;
mod file;
mod git_ssh_key;
mod organization;
mod provisioner_daemon;
mod provisioner_job;
mod provisioner_key;
mod pubsub;
mod settings;
mod store;
mod table;
mod template;
mod template_version;
mod text;
mod transaction;
mod user;
mod workspace;
mod workspace_agent;
mod workspace_agent_detail;
mod workspace_agent_stats;
mod workspace_app;
mod workspace_build;
mod workspace_resource;

pub use store::MemoryStore;
pub use transaction::MemoryTransaction;

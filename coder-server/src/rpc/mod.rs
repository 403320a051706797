//! What agents and provisioner daemons call, over the use cases of `coder-core`.

pub mod agent;
pub mod agent_writes;
mod batch;
mod host_key;
pub mod presence;
pub mod provisioner_daemon;
mod sub_agents;
pub mod tunnels;

pub(crate) use host_key::{has_host_key, host_key};

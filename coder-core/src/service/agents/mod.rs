//! Agents: what they report, what they are told, who may see and reach them.
//!
//! An agent is known by its token, which is good only while the build that made the agent is the newest of
//! its workspace. Each call of an agent takes the [`AgentOwner`](crate::store::AgentOwner) that
//! [`Agents::authenticate`] answered for its request.

mod authenticate;
mod connection;
mod crowd;
mod git_ssh_key;
mod host_key;
mod instance_identity;
mod logs;
mod metadata;
mod monitors;
mod query;
mod report;
mod stats;
mod sub_agents;

pub use authenticate::AgentManifest;
pub use connection::INACTIVE_AFTER_MS;
pub use git_ssh_key::require_user_data;
pub use logs::{EXTERNAL_LOG_SOURCE, NewAgentLog};
pub use monitors::UsageDatapoint;
pub use report::AgentStartup;
pub use stats::StatsReport;
pub(in crate::service) use stats::note_use;
pub use sub_agents::NewSubAgent;

use super::Deps;
use crate::{Result, event::Event, store::Transaction, workspace::Workspace};

/// Use cases of agents.
#[derive(Clone, Debug)]
pub struct Agents {
    deps: Deps,
}

impl Agents {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

/// Tells watchers of the workspace.
async fn announce(tx: &mut dyn Transaction, workspace: &Workspace) -> Result<()> {
    let event = Event::WorkspaceUpdated {
        workspace_id: workspace.id,
        owner_id: workspace.owner_id,
    };
    Ok(tx.publish(event).await?)
}

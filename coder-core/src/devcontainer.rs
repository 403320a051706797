//! Dev containers that a template gives to an agent.

use crate::{
    Timestamp,
    id::{DevcontainerId, WorkspaceAgentId},
};

/// A `coder_devcontainer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceAgentDevcontainer {
    /// Identifier, fresh for each build.
    pub id: DevcontainerId,
    /// The agent that starts it.
    pub agent_id: WorkspaceAgentId,
    /// When the build made it.
    pub created_at: Timestamp,
    /// Name in the template.
    pub name: String,
    /// The folder that holds the project.
    pub workspace_folder: String,
    /// Where `devcontainer.json` is; empty for its usual place.
    pub config_path: String,
    /// The agent inside, when the template attached something to it; others are made when it runs.
    pub subagent_id: Option<WorkspaceAgentId>,
}

use super::StoreResult;
use crate::{
    devcontainer::WorkspaceAgentDevcontainer, id::WorkspaceAgentId, workspace_agent::WorkspaceAgent,
};
use async_trait::async_trait;

/// Dev containers, and the agents inside them.
#[async_trait]
pub trait DevcontainerStore: Send {
    /// Adds several. Conflict: `workspace_agent_devcontainers_pkey`.
    async fn insert(&mut self, containers: &[WorkspaceAgentDevcontainer]) -> StoreResult<()>;
    /// Those of several agents, by name, then id.
    async fn by_agents(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<WorkspaceAgentDevcontainer>>;
    /// The agents whose parent this is, by name, then id; no deleted ones.
    async fn sub_agents(&mut self, parent: WorkspaceAgentId) -> StoreResult<Vec<WorkspaceAgent>>;
    /// Replaces `name`, `directory`, `architecture`, `operating_system`, `display_apps` and `updated_at` of
    /// an agent.
    async fn update_sub_agent(&mut self, agent: &WorkspaceAgent) -> StoreResult<()>;
    /// Marks an agent of this parent as deleted. `false` when there is none that is not.
    async fn delete_sub_agent(
        &mut self,
        parent: WorkspaceAgentId,
        agent: WorkspaceAgentId,
    ) -> StoreResult<bool>;
}

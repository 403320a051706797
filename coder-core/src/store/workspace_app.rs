use super::StoreResult;
use crate::{
    id::{WorkspaceAgentId, WorkspaceAppId},
    workspace_app::{AppHealth, WorkspaceApp},
};
use async_trait::async_trait;

/// Apps.
#[async_trait]
pub trait WorkspaceAppStore: Send {
    /// Adds several. Conflict: `workspace_apps_agent_id_slug_key`.
    async fn insert(&mut self, apps: &[WorkspaceApp]) -> StoreResult<()>;
    /// Those of several agents, by display order, then slug.
    async fn by_agents(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<WorkspaceApp>>;
    /// Sets the health of an app; only of this agent's. `false` when there is no such app.
    async fn set_health(
        &mut self,
        agent: WorkspaceAgentId,
        app: WorkspaceAppId,
        health: AppHealth,
    ) -> StoreResult<bool>;
}

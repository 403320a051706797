use super::{MemoryTransaction, text, workspace_agent_detail as detail};
use crate::{
    devcontainer::WorkspaceAgentDevcontainer,
    id::WorkspaceAgentId,
    store::{DevcontainerStore, StoreResult},
    workspace_agent::WorkspaceAgent,
};
use async_trait::async_trait;

#[async_trait]
impl DevcontainerStore for MemoryTransaction {
    async fn insert(&mut self, containers: &[WorkspaceAgentDevcontainer]) -> StoreResult<()> {
        for container in containers {
            text::check([
                ("name", container.name.as_str()),
                ("workspace_folder", &container.workspace_folder),
                ("config_path", &container.config_path),
            ])?;
            let rows = &mut self.data.devcontainers;
            rows.insert(
                "workspace_agent_devcontainers_pkey",
                container.id,
                container.clone(),
            )?;
        }
        Ok(())
    }

    async fn by_agents(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<WorkspaceAgentDevcontainer>> {
        let containers = self.data.devcontainers.values();
        let wanted = containers.filter(|row| agents.contains(&row.agent_id));
        let mut found: Vec<WorkspaceAgentDevcontainer> = wanted.cloned().collect();
        found.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(found)
    }

    async fn sub_agents(&mut self, parent: WorkspaceAgentId) -> StoreResult<Vec<WorkspaceAgent>> {
        let agents = self.data.workspace_agents.values();
        let wanted = agents.filter(|row| row.parent_id == Some(parent) && !row.deleted);
        let mut found: Vec<WorkspaceAgent> = wanted.cloned().collect();
        found.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(found)
    }

    async fn update_sub_agent(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        detail::check_agent(agent)?;
        if let Some(row) = self.data.workspace_agents.update(&agent.id) {
            row.name.clone_from(&agent.name);
            row.directory.clone_from(&agent.directory);
            row.architecture.clone_from(&agent.architecture);
            row.operating_system.clone_from(&agent.operating_system);
            row.display_apps.clone_from(&agent.display_apps);
            row.updated_at = agent.updated_at;
        }
        Ok(())
    }

    async fn delete_sub_agent(
        &mut self,
        parent: WorkspaceAgentId,
        agent: WorkspaceAgentId,
    ) -> StoreResult<bool> {
        let row = self.data.workspace_agents.update(&agent);
        let row = row.filter(|row| row.parent_id == Some(parent) && !row.deleted);
        Ok(row.is_some_and(|row| {
            row.deleted = true;
            true
        }))
    }
}

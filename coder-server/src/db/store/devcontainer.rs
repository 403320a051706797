//! Dev containers, and the agents inside them.

use async_trait::async_trait;
use coder_core::{
    devcontainer::WorkspaceAgentDevcontainer,
    id::WorkspaceAgentId,
    store::{DevcontainerStore, StoreResult},
    workspace_agent::WorkspaceAgent,
};

use crate::db::{
    convert::{FromRow, uuids},
    entity::workspace_agent_devcontainer,
    query::Query,
    transaction::PgTransaction,
};

#[async_trait]
impl DevcontainerStore for PgTransaction {
    async fn insert(&mut self, containers: &[WorkspaceAgentDevcontainer]) -> StoreResult<()> {
        let rows = containers
            .iter()
            .map(|container| workspace_agent_devcontainer::Model {
                id: container.id.0,
                agent_id: container.agent_id.0,
                created_at: container.created_at,
                name: container.name.clone(),
                workspace_folder: container.workspace_folder.clone(),
                config_path: container.config_path.clone(),
                subagent_id: container.subagent_id.map(|id| id.0),
            });
        self.insert_rows(rows.collect()).await
    }

    async fn by_agents(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<WorkspaceAgentDevcontainer>> {
        let mut query =
            Query::new("SELECT * FROM workspace_agent_devcontainers WHERE agent_id = ANY(");
        query
            .bind(uuids(agents))
            .push(") ORDER BY name COLLATE \"C\", id");
        self.query_all(&query).await
    }

    async fn sub_agents(&mut self, parent: WorkspaceAgentId) -> StoreResult<Vec<WorkspaceAgent>> {
        let mut query =
            Query::new("SELECT * FROM workspace_agents WHERE NOT deleted AND parent_id = ");
        query
            .bind(parent.0)
            .push(" ORDER BY name COLLATE \"C\", id");
        self.query_all(&query).await
    }

    async fn update_sub_agent(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        let mut query = Query::new("UPDATE workspace_agents SET name = ");
        query.bind(agent.name.as_str());
        query.push(", directory = ").bind(agent.directory.as_str());
        query
            .push(", architecture = ")
            .bind(agent.architecture.as_str());
        query
            .push(", operating_system = ")
            .bind(agent.operating_system.as_str());
        query
            .push(", display_apps = ")
            .bind(agent.display_apps.clone());
        query.push(", updated_at = ").bind(agent.updated_at);
        query.push(" WHERE id = ").bind(agent.id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn delete_sub_agent(
        &mut self,
        parent: WorkspaceAgentId,
        agent: WorkspaceAgentId,
    ) -> StoreResult<bool> {
        let mut query =
            Query::new("UPDATE workspace_agents SET deleted = true WHERE NOT deleted AND id = ");
        query.bind(agent.0).push(" AND parent_id = ").bind(parent.0);
        Ok(self.execute(&query).await? > 0)
    }
}

impl FromRow for WorkspaceAgentDevcontainer {
    type Row = workspace_agent_devcontainer::Model;

    fn from_row(row: workspace_agent_devcontainer::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            agent_id: row.agent_id.into(),
            created_at: row.created_at,
            name: row.name,
            workspace_folder: row.workspace_folder,
            config_path: row.config_path,
            subagent_id: row.subagent_id.map(WorkspaceAgentId),
        })
    }
}

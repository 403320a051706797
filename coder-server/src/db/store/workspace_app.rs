//! Apps.

use async_trait::async_trait;
use coder_core::{
    id::{WorkspaceAgentId, WorkspaceAppId},
    store::{StoreResult, WorkspaceAppStore},
    workspace_app::{AppHealth, WorkspaceApp},
};

use crate::db::{
    convert::{FromRow, uuids, word},
    entity::workspace_app,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspace_apps";

#[async_trait]
impl WorkspaceAppStore for PgTransaction {
    async fn insert(&mut self, apps: &[WorkspaceApp]) -> StoreResult<()> {
        self.insert_rows(apps.iter().map(row).collect()).await
    }

    async fn by_agents(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<WorkspaceApp>> {
        let mut query = Query::new("SELECT * FROM workspace_apps WHERE agent_id = ANY(");
        query
            .bind(uuids(agents))
            .push(") ORDER BY display_order, slug COLLATE \"C\", id");
        self.query_all(&query).await
    }

    async fn set_health(
        &mut self,
        agent: WorkspaceAgentId,
        app: WorkspaceAppId,
        health: AppHealth,
    ) -> StoreResult<bool> {
        let mut query = Query::new("UPDATE workspace_apps SET health = ");
        query.bind(health.as_str()).push(" WHERE id = ").bind(app.0);
        query.push(" AND agent_id = ").bind(agent.0);
        Ok(self.execute(&query).await? > 0)
    }
}

fn row(app: &WorkspaceApp) -> workspace_app::Model {
    workspace_app::Model {
        id: app.id.0,
        agent_id: app.agent_id.0,
        slug: app.slug.clone(),
        display_name: app.display_name.clone(),
        icon: app.icon.clone(),
        url: app.url.clone(),
        command: app.command.clone(),
        external: app.external,
        subdomain: app.subdomain,
        sharing_level: app.sharing_level.to_string(),
        healthcheck_url: app.healthcheck_url.clone(),
        healthcheck_interval: app.healthcheck_interval,
        healthcheck_threshold: app.healthcheck_threshold,
        health: app.health.to_string(),
        hidden: app.hidden,
        open_in: app.open_in.to_string(),
        group: app.group.clone(),
        tooltip: app.tooltip.clone(),
        display_order: app.display_order,
    }
}

impl FromRow for WorkspaceApp {
    type Row = workspace_app::Model;

    fn from_row(row: workspace_app::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            agent_id: row.agent_id.into(),
            slug: row.slug,
            display_name: row.display_name,
            icon: row.icon,
            url: row.url,
            command: row.command,
            external: row.external,
            subdomain: row.subdomain,
            sharing_level: word(TABLE, &row.sharing_level)?,
            healthcheck_url: row.healthcheck_url,
            healthcheck_interval: row.healthcheck_interval,
            healthcheck_threshold: row.healthcheck_threshold,
            health: word(TABLE, &row.health)?,
            hidden: row.hidden,
            open_in: word(TABLE, &row.open_in)?,
            group: row.group,
            tooltip: row.tooltip,
            display_order: row.display_order,
        })
    }
}

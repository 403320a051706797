use super::{MemoryTransaction, table::unique, text};
use crate::{
    id::{WorkspaceAgentId, WorkspaceAppId},
    store::{StoreResult, WorkspaceAppStore},
    workspace_app::{AppHealth, WorkspaceApp},
};
use async_trait::async_trait;

#[async_trait]
impl WorkspaceAppStore for MemoryTransaction {
    async fn insert(&mut self, apps: &[WorkspaceApp]) -> StoreResult<()> {
        for app in apps {
            text::check([
                ("slug", app.slug.as_str()),
                ("display_name", &app.display_name),
                ("icon", &app.icon),
                ("url", &app.url),
                ("command", &app.command),
                ("healthcheck_url", &app.healthcheck_url),
                ("group", &app.group),
                ("tooltip", &app.tooltip),
            ])?;
            let rows = &mut self.data.workspace_apps;
            let taken = rows.any(|row| row.agent_id == app.agent_id && row.slug == app.slug);
            unique("workspace_apps_agent_id_slug_key", !taken)?;
            rows.insert("workspace_apps_pkey", app.id, app.clone())?;
        }
        Ok(())
    }

    async fn by_agents(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<WorkspaceApp>> {
        let apps = self.data.workspace_apps.values();
        let wanted = apps.filter(|row| agents.contains(&row.agent_id));
        let mut found: Vec<WorkspaceApp> = wanted.cloned().collect();
        found.sort_by(|a, b| (a.display_order, &a.slug).cmp(&(b.display_order, &b.slug)));
        Ok(found)
    }

    async fn set_health(
        &mut self,
        agent: WorkspaceAgentId,
        app: WorkspaceAppId,
        health: AppHealth,
    ) -> StoreResult<bool> {
        let apps = &mut self.data.workspace_apps;
        let row = apps.update(&app).filter(|row| row.agent_id == agent);
        Ok(row.map(|row| row.health = health).is_some())
    }
}

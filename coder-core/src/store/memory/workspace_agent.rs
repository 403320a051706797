use super::{MemoryTransaction, table::unique, text, workspace_agent_detail as detail};
use crate::{
    Timestamp,
    id::{LogSourceId, WorkspaceAgentId, WorkspaceId, WorkspaceResourceId},
    resource_monitor::ResourceMonitor,
    script::{ScriptTiming, WorkspaceAgentScript},
    secret::TokenHash,
    store::{AgentOwner, StoreResult, WorkspaceAgentStore},
    workspace_agent::{
        AgentAuth, AgentLog, AgentLogSource, AgentMetadatum, MetadataUpdate, WorkspaceAgent,
    },
};
use async_trait::async_trait;

#[async_trait]
impl WorkspaceAgentStore for MemoryTransaction {
    async fn insert(&mut self, agents: &[WorkspaceAgent]) -> StoreResult<()> {
        for agent in agents {
            detail::check_agent(agent)?;
            let rows = &mut self.data.workspace_agents;
            let taken = matches!(agent.auth, AgentAuth::Token(_))
                && rows.any(|row| !row.deleted && row.auth == agent.auth);
            unique("workspace_agents_auth_token_hash_key", !taken)?;
            rows.insert("workspace_agents_pkey", agent.id, agent.clone())?;
        }
        Ok(())
    }

    async fn get(&mut self, id: WorkspaceAgentId) -> StoreResult<Option<WorkspaceAgent>> {
        Ok(self.data.workspace_agents.get(&id).cloned())
    }

    async fn with_owner(&mut self, id: WorkspaceAgentId) -> StoreResult<Option<AgentOwner>> {
        let agent = self.data.workspace_agents.get(&id);
        Ok(agent.and_then(|agent| detail::owner_of(&self.data, agent)))
    }

    async fn with_owner_of_any_build(
        &mut self,
        id: WorkspaceAgentId,
    ) -> StoreResult<Option<AgentOwner>> {
        let agent = self.data.workspace_agents.get(&id);
        Ok(agent.and_then(|agent| detail::owner_of_any_build(&self.data, agent)))
    }

    async fn by_token(&mut self, token: TokenHash) -> StoreResult<Option<AgentOwner>> {
        let agents = &self.data.workspace_agents;
        let agent = agents.find(|row| !row.deleted && row.auth == AgentAuth::Token(token));
        let owner = agent.and_then(|agent| detail::owner_of(&self.data, agent));
        Ok(owner.filter(|owner| !owner.workspace.deleted))
    }

    async fn current(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<WorkspaceAgentId>> {
        let found = agents.iter().copied().filter(|id| {
            let agent = self.data.workspace_agents.get(id);
            let owner = agent.and_then(|agent| detail::owner_of(&self.data, agent));
            owner.is_some_and(|owner| detail::is_current(&self.data, &owner))
        });
        Ok(found.collect())
    }

    async fn current_by_tokens(&mut self, tokens: &[TokenHash]) -> StoreResult<Vec<AgentOwner>> {
        let mut found = Vec::new();
        for token in tokens {
            let owner = self.by_token(*token).await?;
            found.extend(owner.filter(|owner| detail::is_current(&self.data, owner)));
        }
        Ok(found)
    }

    async fn by_resources(
        &mut self,
        resources: &[WorkspaceResourceId],
    ) -> StoreResult<Vec<WorkspaceAgent>> {
        let agents = self.data.workspace_agents.values();
        let wanted = agents.filter(|row| resources.contains(&row.resource_id));
        let mut found: Vec<WorkspaceAgent> = wanted.cloned().collect();
        found.sort_by(|a, b| (a.display_order, &a.name).cmp(&(b.display_order, &b.name)));
        Ok(found)
    }

    async fn delete_of_earlier_builds(&mut self, workspace: WorkspaceId) -> StoreResult<()> {
        for id in detail::agents_of_earlier_builds(&self.data, workspace) {
            if let Some(row) = self.data.workspace_agents.update(&id) {
                row.deleted = true;
            }
        }
        Ok(())
    }

    async fn set_connection(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        if let Some(row) = self.data.workspace_agents.update(&agent.id) {
            row.first_connected_at = agent.first_connected_at;
            row.last_connected_at = agent.last_connected_at;
            row.disconnected_at = agent.disconnected_at;
        }
        Ok(())
    }

    async fn set_connected(
        &mut self,
        agents: &[WorkspaceAgentId],
        now: Timestamp,
    ) -> StoreResult<()> {
        for id in agents {
            if let Some(row) = self.data.workspace_agents.update(id) {
                row.first_connected_at = row.first_connected_at.or(Some(now));
                row.last_connected_at = Some(now);
                row.disconnected_at = None;
            }
        }
        Ok(())
    }

    async fn set_startup(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        detail::check_agent(agent)?;
        if let Some(row) = self.data.workspace_agents.update(&agent.id) {
            row.version.clone_from(&agent.version);
            row.api_version.clone_from(&agent.api_version);
            row.expanded_directory.clone_from(&agent.expanded_directory);
            row.subsystems.clone_from(&agent.subsystems);
            row.run_id = agent.run_id;
        }
        Ok(())
    }

    async fn set_lifecycle(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        if let Some(row) = self.data.workspace_agents.update(&agent.id) {
            row.lifecycle_state = agent.lifecycle_state;
            row.started_at = agent.started_at;
            row.ready_at = agent.ready_at;
        }
        Ok(())
    }

    async fn insert_log_sources(&mut self, sources: &[AgentLogSource]) -> StoreResult<()> {
        for source in sources {
            text::check([
                ("display_name", source.display_name.as_str()),
                ("icon", &source.icon),
            ])?;
            let key = (source.agent_id, source.id);
            if !self.data.agent_log_sources.contains(&key) {
                self.data.agent_log_sources.put(key, source.clone());
            }
        }
        Ok(())
    }

    async fn log_sources(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<AgentLogSource>> {
        let sources = self.data.agent_log_sources.values();
        let wanted = sources.filter(|row| agents.contains(&row.agent_id));
        let mut found: Vec<AgentLogSource> = wanted.cloned().collect();
        found.sort_by_key(|row| (row.created_at, row.id));
        Ok(found)
    }

    async fn has_log_source(
        &mut self,
        agent: WorkspaceAgentId,
        source: LogSourceId,
    ) -> StoreResult<bool> {
        Ok(self.data.agent_log_sources.contains(&(agent, source)))
    }

    async fn append_logs(&mut self, id: WorkspaceAgentId, lines: &[AgentLog]) -> StoreResult<u64> {
        detail::append_logs(&mut self.data, id, lines)
    }

    async fn logs(
        &mut self,
        id: WorkspaceAgentId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<Vec<AgentLog>> {
        let rows = self.data.agent_logs.get(&id);
        let range = (after, before);
        Ok(super::data::between(rows, |line| line.id, range, limit))
    }

    async fn delete_logs_of_earlier_builds(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<u64> {
        let agents = detail::old_logs(&self.data, before, limit);
        for id in &agents {
            self.data.agent_logs.remove(id);
            if let Some(row) = self.data.workspace_agents.update(id) {
                row.logs_length = 0;
            }
        }
        Ok(agents.len() as u64)
    }

    async fn insert_metadata(&mut self, metadata: &[AgentMetadatum]) -> StoreResult<()> {
        for datum in metadata {
            text::check([
                ("key", datum.key.as_str()),
                ("display_name", &datum.display_name),
                ("script", &datum.script),
                ("value", &datum.value),
                ("error", &datum.error),
            ])?;
            let key = (datum.agent_id, datum.key.clone());
            let rows = &mut self.data.agent_metadata;
            rows.insert("workspace_agent_metadata_pkey", key, datum.clone())?;
        }
        Ok(())
    }

    async fn metadata(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<AgentMetadatum>> {
        let metadata = self.data.agent_metadata.values();
        let wanted = metadata.filter(|row| agents.contains(&row.agent_id));
        let mut found: Vec<AgentMetadatum> = wanted.cloned().collect();
        found.sort_by(|a, b| (a.display_order, &a.key).cmp(&(b.display_order, &b.key)));
        Ok(found)
    }

    async fn update_metadata(
        &mut self,
        updates: &[(WorkspaceAgentId, MetadataUpdate)],
    ) -> StoreResult<()> {
        for (agent, update) in updates {
            text::check([("value", update.value.as_str()), ("error", &update.error)])?;
            let key = (*agent, update.key.clone());
            if let Some(row) = self.data.agent_metadata.update(&key) {
                row.value.clone_from(&update.value);
                row.error.clone_from(&update.error);
                row.collected_at = Some(update.collected_at);
            }
        }
        Ok(())
    }

    async fn insert_resource_monitors(&mut self, monitors: &[ResourceMonitor]) -> StoreResult<()> {
        for monitor in monitors {
            let volume = monitor.volume.as_deref().unwrap_or_default();
            text::check([("volume", volume)])?;
            let key = (monitor.agent_id, monitor.volume.clone());
            let constraint = "workspace_agent_resource_monitors_agent_id_volume_key";
            let rows = &mut self.data.resource_monitors;
            rows.insert(constraint, key, monitor.clone())?;
        }
        Ok(())
    }

    async fn resource_monitors(
        &mut self,
        agent: WorkspaceAgentId,
    ) -> StoreResult<Vec<ResourceMonitor>> {
        let rows = self.data.resource_monitors.values();
        Ok(rows.filter(|row| row.agent_id == agent).cloned().collect())
    }

    async fn set_resource_monitor(&mut self, monitor: &ResourceMonitor) -> StoreResult<()> {
        let key = (monitor.agent_id, monitor.volume.clone());
        if let Some(row) = self.data.resource_monitors.update(&key) {
            row.state = monitor.state;
            row.debounced_until = monitor.debounced_until;
            row.updated_at = monitor.updated_at;
        }
        Ok(())
    }

    async fn insert_scripts(&mut self, scripts: &[WorkspaceAgentScript]) -> StoreResult<()> {
        for script in scripts {
            text::check([
                ("log_path", script.log_path.as_str()),
                ("script", &script.script),
                ("cron", &script.cron),
                ("display_name", &script.display_name),
            ])?;
            let rows = &mut self.data.agent_scripts;
            rows.insert("workspace_agent_scripts_pkey", script.id, script.clone())?;
        }
        Ok(())
    }

    async fn scripts(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<WorkspaceAgentScript>> {
        let scripts = self.data.agent_scripts.values();
        let wanted = scripts.filter(|row| agents.contains(&row.agent_id));
        let mut found: Vec<WorkspaceAgentScript> = wanted.cloned().collect();
        found.sort_by(|a, b| (&a.display_name, a.id).cmp(&(&b.display_name, b.id)));
        Ok(found)
    }

    async fn insert_script_timing(
        &mut self,
        agent: WorkspaceAgentId,
        timing: &ScriptTiming,
    ) -> StoreResult<bool> {
        let script = self.data.agent_scripts.get(&timing.script_id);
        let known = script.is_some_and(|script| script.agent_id == agent);
        if known {
            text::check([("last_lines", timing.last_lines.as_str())])?;
            detail::add_timing(self.data.script_timings.entry(agent), timing);
        }
        Ok(known)
    }

    async fn script_timings(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<(WorkspaceAgentId, ScriptTiming)>> {
        let timings = self.data.script_timings.iter();
        let wanted = timings.filter(|(agent, _)| agents.contains(agent));
        let rows = wanted.flat_map(|(agent, rows)| rows.iter().map(|row| (*agent, row)));
        let mut found: Vec<_> = rows
            .map(|(agent, row)| (agent, ScriptTiming::clone(row)))
            .collect();
        found.sort_by_key(|(_, timing)| timing.started_at);
        Ok(found)
    }
}

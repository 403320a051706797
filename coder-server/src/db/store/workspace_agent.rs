//! Agents. Their logs, metadata and scripts are in `workspace_agent_part`.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{AgentRunId, LogSourceId, WorkspaceAgentId, WorkspaceId, WorkspaceResourceId},
    resource_monitor::ResourceMonitor,
    script::{ScriptTiming, WorkspaceAgentScript},
    secret::TokenHash,
    store::{AgentOwner, StoreError, StoreResult, WorkspaceAgentStore},
    workspace_agent::{
        AgentAuth, AgentLog, AgentLogSource, AgentMetadatum, MetadataUpdate, WorkspaceAgent,
    },
};
use sea_orm::entity::prelude::*;

use super::{
    workspace_agent_crowd as crowd, workspace_agent_monitor as monitor,
    workspace_agent_part as part,
};
use crate::db::{
    convert::{FromRow, corrupt, from_json, to_json, token_hash, uuids, word},
    entity::workspace_agent,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspace_agents";

#[async_trait]
impl WorkspaceAgentStore for PgTransaction {
    async fn insert(&mut self, agents: &[WorkspaceAgent]) -> StoreResult<()> {
        let rows = agents.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
        self.insert_rows(rows).await
    }

    async fn get(&mut self, id: WorkspaceAgentId) -> StoreResult<Option<WorkspaceAgent>> {
        self.find_one(workspace_agent::Entity::find_by_id(id.0))
            .await
    }

    async fn with_owner(&mut self, id: WorkspaceAgentId) -> StoreResult<Option<AgentOwner>> {
        let mut query = Query::new("SELECT * FROM workspace_agents WHERE NOT deleted AND id = ");
        let agent = self.query_one(query.bind(id.0)).await?;
        owner(self, agent).await
    }

    async fn with_owner_of_any_build(
        &mut self,
        id: WorkspaceAgentId,
    ) -> StoreResult<Option<AgentOwner>> {
        let agent = WorkspaceAgentStore::get(self, id).await?;
        owner(self, agent).await
    }

    async fn by_token(&mut self, token: TokenHash) -> StoreResult<Option<AgentOwner>> {
        let mut query = Query::new(
            "SELECT a.* FROM workspace_agents a \
             JOIN workspace_resources r ON r.id = a.resource_id \
             JOIN workspace_builds b ON b.job_id = r.job_id \
             JOIN workspaces w ON w.id = b.workspace_id \
             WHERE NOT a.deleted AND NOT w.deleted AND a.auth_token_hash = ",
        );
        let agent = self.query_one(query.bind(token.0.to_vec())).await?;
        owner(self, agent).await
    }

    async fn current(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<WorkspaceAgentId>> {
        crowd::current(self, agents).await
    }

    async fn current_by_tokens(&mut self, tokens: &[TokenHash]) -> StoreResult<Vec<AgentOwner>> {
        crowd::current_by_tokens(self, tokens).await
    }

    async fn by_resources(
        &mut self,
        resources: &[WorkspaceResourceId],
    ) -> StoreResult<Vec<WorkspaceAgent>> {
        let mut query = Query::new("SELECT * FROM workspace_agents WHERE resource_id = ANY(");
        query
            .bind(uuids(resources))
            .push(") ORDER BY display_order, name COLLATE \"C\", id");
        self.query_all(&query).await
    }

    async fn delete_of_earlier_builds(&mut self, workspace: WorkspaceId) -> StoreResult<()> {
        let mut query = Query::new(
            "UPDATE workspace_agents a SET deleted = true \
             FROM workspace_resources r, workspace_builds b \
             WHERE r.id = a.resource_id AND b.job_id = r.job_id AND NOT a.deleted \
             AND b.build_number < (SELECT max(build_number) FROM workspace_builds \
             WHERE workspace_id = b.workspace_id) AND b.workspace_id = ",
        );
        self.execute(query.bind(workspace.0)).await.map(|_| ())
    }

    async fn set_connection(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        let mut query = Query::new("UPDATE workspace_agents SET first_connected_at = ");
        query.bind(agent.first_connected_at);
        query
            .push(", last_connected_at = ")
            .bind(agent.last_connected_at);
        query
            .push(", disconnected_at = ")
            .bind(agent.disconnected_at);
        query.push(" WHERE id = ").bind(agent.id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn set_connected(
        &mut self,
        agents: &[WorkspaceAgentId],
        now: Timestamp,
    ) -> StoreResult<()> {
        crowd::set_connected(self, agents, now).await
    }

    async fn set_startup(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        let mut query = Query::new("UPDATE workspace_agents SET version = ");
        query.bind(agent.version.as_str());
        query
            .push(", api_version = ")
            .bind(agent.api_version.as_str());
        query
            .push(", expanded_directory = ")
            .bind(agent.expanded_directory.as_str());
        query.push(", subsystems = ").bind(agent.subsystems.clone());
        query.push(", run_id = ").bind(agent.run_id.map(Uuid::from));
        query.push(" WHERE id = ").bind(agent.id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn set_lifecycle(&mut self, agent: &WorkspaceAgent) -> StoreResult<()> {
        let mut query = Query::new("UPDATE workspace_agents SET lifecycle_state = ");
        query.bind(agent.lifecycle_state.as_str());
        query.push(", started_at = ").bind(agent.started_at);
        query.push(", ready_at = ").bind(agent.ready_at);
        query.push(" WHERE id = ").bind(agent.id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn insert_log_sources(&mut self, sources: &[AgentLogSource]) -> StoreResult<()> {
        part::insert_log_sources(self, sources).await
    }

    async fn log_sources(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<AgentLogSource>> {
        part::log_sources(self, agents).await
    }

    async fn has_log_source(
        &mut self,
        agent: WorkspaceAgentId,
        source: LogSourceId,
    ) -> StoreResult<bool> {
        part::has_log_source(self, agent, source).await
    }

    async fn append_logs(&mut self, id: WorkspaceAgentId, lines: &[AgentLog]) -> StoreResult<u64> {
        part::append_logs(self, id, lines).await
    }

    async fn logs(
        &mut self,
        id: WorkspaceAgentId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<Vec<AgentLog>> {
        part::logs(self, id, after, before, limit).await
    }

    async fn delete_logs_of_earlier_builds(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<u64> {
        part::delete_logs_of_earlier_builds(self, before, limit).await
    }

    async fn insert_metadata(&mut self, metadata: &[AgentMetadatum]) -> StoreResult<()> {
        part::insert_metadata(self, metadata).await
    }

    async fn metadata(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<AgentMetadatum>> {
        part::metadata(self, agents).await
    }

    async fn update_metadata(
        &mut self,
        updates: &[(WorkspaceAgentId, MetadataUpdate)],
    ) -> StoreResult<()> {
        part::update_metadata(self, updates).await
    }

    async fn insert_resource_monitors(&mut self, monitors: &[ResourceMonitor]) -> StoreResult<()> {
        monitor::insert(self, monitors).await
    }

    async fn resource_monitors(
        &mut self,
        agent: WorkspaceAgentId,
    ) -> StoreResult<Vec<ResourceMonitor>> {
        monitor::of_agent(self, agent).await
    }

    async fn set_resource_monitor(&mut self, monitor: &ResourceMonitor) -> StoreResult<()> {
        monitor::set(self, monitor).await
    }

    async fn insert_scripts(&mut self, scripts: &[WorkspaceAgentScript]) -> StoreResult<()> {
        part::insert_scripts(self, scripts).await
    }

    async fn scripts(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<WorkspaceAgentScript>> {
        part::scripts(self, agents).await
    }

    async fn insert_script_timing(
        &mut self,
        agent: WorkspaceAgentId,
        timing: &ScriptTiming,
    ) -> StoreResult<bool> {
        part::insert_script_timing(self, agent, timing).await
    }

    async fn script_timings(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<(WorkspaceAgentId, ScriptTiming)>> {
        part::script_timings(self, agents).await
    }
}

/// Adds the build and the workspace to an agent.
pub(super) async fn owner(
    transaction: &PgTransaction,
    agent: Option<WorkspaceAgent>,
) -> StoreResult<Option<AgentOwner>> {
    let Some(agent) = agent else { return Ok(None) };
    let mut query = Query::new(
        "SELECT b.* FROM workspace_builds b JOIN workspace_resources r ON r.job_id = b.job_id \
         WHERE r.id = ",
    );
    let build = transaction
        .query_one(query.bind(agent.resource_id.0))
        .await?;
    let Some(build): Option<coder_core::workspace_build::WorkspaceBuild> = build else {
        return Ok(None);
    };
    let mut query = Query::new("SELECT * FROM workspaces WHERE id = ");
    let workspace = transaction
        .query_one(query.bind(build.workspace_id.0))
        .await?;
    Ok(workspace.map(|workspace| AgentOwner {
        agent,
        build,
        workspace,
    }))
}

fn row(agent: &WorkspaceAgent) -> StoreResult<workspace_agent::Model> {
    let (auth_token_hash, auth_instance_id) = match &agent.auth {
        AgentAuth::Token(hash) => (Some(hash.0.to_vec()), None),
        AgentAuth::InstanceId(id) => (None, Some(id.clone())),
    };
    Ok(workspace_agent::Model {
        id: agent.id.0,
        parent_id: agent.parent_id.map(Uuid::from),
        resource_id: agent.resource_id.0,
        name: agent.name.clone(),
        created_at: agent.created_at,
        updated_at: agent.updated_at,
        first_connected_at: agent.first_connected_at,
        last_connected_at: agent.last_connected_at,
        disconnected_at: agent.disconnected_at,
        started_at: agent.started_at,
        ready_at: agent.ready_at,
        auth_token_hash,
        auth_instance_id,
        architecture: agent.architecture.clone(),
        operating_system: agent.operating_system.clone(),
        environment_variables: to_json(&agent.environment_variables)?,
        directory: agent.directory.clone(),
        expanded_directory: agent.expanded_directory.clone(),
        version: agent.version.clone(),
        api_version: agent.api_version.clone(),
        connection_timeout_seconds: agent.connection_timeout_seconds,
        troubleshooting_url: agent.troubleshooting_url.clone(),
        motd_file: agent.motd_file.clone(),
        run_id: agent.run_id.map(Uuid::from),
        lifecycle_state: agent.lifecycle_state.to_string(),
        logs_length: agent.logs_length,
        logs_overflowed: agent.logs_overflowed,
        subsystems: agent.subsystems.clone(),
        display_apps: agent.display_apps.clone(),
        api_key_scope: agent.api_key_scope.clone(),
        display_order: agent.display_order,
        startup_script_behavior: agent.startup_script_behavior.to_string(),
        deleted: agent.deleted,
    })
}

impl FromRow for WorkspaceAgent {
    type Row = workspace_agent::Model;

    fn from_row(row: workspace_agent::Model) -> StoreResult<Self> {
        let auth = auth(row.auth_token_hash.as_deref(), row.auth_instance_id)?;
        Ok(Self {
            id: row.id.into(),
            parent_id: row.parent_id.map(WorkspaceAgentId),
            resource_id: row.resource_id.into(),
            name: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
            first_connected_at: row.first_connected_at,
            last_connected_at: row.last_connected_at,
            disconnected_at: row.disconnected_at,
            started_at: row.started_at,
            ready_at: row.ready_at,
            auth,
            architecture: row.architecture,
            operating_system: row.operating_system,
            environment_variables: from_json(TABLE, row.environment_variables)?,
            directory: row.directory,
            expanded_directory: row.expanded_directory,
            version: row.version,
            api_version: row.api_version,
            connection_timeout_seconds: row.connection_timeout_seconds,
            troubleshooting_url: row.troubleshooting_url,
            motd_file: row.motd_file,
            run_id: row.run_id.map(AgentRunId),
            lifecycle_state: word(TABLE, &row.lifecycle_state)?,
            logs_length: row.logs_length,
            logs_overflowed: row.logs_overflowed,
            subsystems: row.subsystems,
            display_apps: row.display_apps,
            api_key_scope: row.api_key_scope,
            display_order: row.display_order,
            startup_script_behavior: word(TABLE, &row.startup_script_behavior)?,
            deleted: row.deleted,
        })
    }
}

fn auth(token: Option<&[u8]>, instance_id: Option<String>) -> Result<AgentAuth, StoreError> {
    match (token, instance_id) {
        (Some(hash), None) => Ok(AgentAuth::Token(token_hash(TABLE, hash)?)),
        (None, Some(id)) => Ok(AgentAuth::InstanceId(id)),
        _ => Err(corrupt(
            TABLE,
            std::io::Error::other("not exactly one way to prove who it is"),
        )),
    }
}

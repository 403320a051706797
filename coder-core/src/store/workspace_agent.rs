use super::StoreResult;
use crate::{
    Timestamp,
    id::{LogSourceId, WorkspaceAgentId, WorkspaceId, WorkspaceResourceId},
    resource_monitor::ResourceMonitor,
    script::{ScriptTiming, WorkspaceAgentScript},
    secret::TokenHash,
    workspace::Workspace,
    workspace_agent::{AgentLog, AgentLogSource, AgentMetadatum, MetadataUpdate, WorkspaceAgent},
    workspace_build::WorkspaceBuild,
};
use async_trait::async_trait;

/// An agent with what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentOwner {
    /// The agent.
    pub agent: WorkspaceAgent,
    /// The build that made it.
    pub build: WorkspaceBuild,
    /// The workspace.
    pub workspace: Workspace,
}

/// Agents, their logs, metadata and scripts.
#[async_trait]
pub trait WorkspaceAgentStore: Send {
    /// Adds several. Conflict: `workspace_agents_auth_token_hash_key` (not deleted).
    async fn insert(&mut self, agents: &[WorkspaceAgent]) -> StoreResult<()>;
    /// By id, deleted or not.
    async fn get(&mut self, id: WorkspaceAgentId) -> StoreResult<Option<WorkspaceAgent>>;
    /// An agent of a workspace build with both; `None` for agents of template imports and deleted agents.
    async fn with_owner(&mut self, id: WorkspaceAgentId) -> StoreResult<Option<AgentOwner>>;
    /// The same, deleted or not: those of earlier builds are.
    async fn with_owner_of_any_build(
        &mut self,
        id: WorkspaceAgentId,
    ) -> StoreResult<Option<AgentOwner>>;
    /// The agent of a workspace build with this token, if neither it nor the workspace is deleted.
    async fn by_token(&mut self, token: TokenHash) -> StoreResult<Option<AgentOwner>>;
    /// Which of these are agents of the newest build of their workspace, where neither the workspace nor its owner's
    /// account is deleted and the account is not suspended; in no order.
    async fn current(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<WorkspaceAgentId>>;
    /// The same for the agents with these tokens.
    async fn current_by_tokens(&mut self, tokens: &[TokenHash]) -> StoreResult<Vec<AgentOwner>>;
    /// Those of several resources, by display order, then name; deleted or not.
    async fn by_resources(
        &mut self,
        resources: &[WorkspaceResourceId],
    ) -> StoreResult<Vec<WorkspaceAgent>>;
    /// Marks the agents of all builds of a workspace but the newest as deleted.
    async fn delete_of_earlier_builds(&mut self, workspace: WorkspaceId) -> StoreResult<()>;
    /// Replaces the times of connection: `first_connected_at`, `last_connected_at`, `disconnected_at`.
    async fn set_connection(&mut self, agent: &WorkspaceAgent) -> StoreResult<()>;
    /// Notes that several were connected at `now`, the first time too where there was none.
    async fn set_connected(
        &mut self,
        agents: &[WorkspaceAgentId],
        now: Timestamp,
    ) -> StoreResult<()>;
    /// Replaces `version`, `api_version`, `expanded_directory`, `subsystems` and `run_id`.
    async fn set_startup(&mut self, agent: &WorkspaceAgent) -> StoreResult<()>;
    /// Replaces `lifecycle_state`, `started_at` and `ready_at`.
    async fn set_lifecycle(&mut self, agent: &WorkspaceAgent) -> StoreResult<()>;

    /// Adds log sources; those that exist (of this agent, with this id) stay as they are.
    async fn insert_log_sources(&mut self, sources: &[AgentLogSource]) -> StoreResult<()>;
    /// The log sources of several agents, by creation, then id.
    async fn log_sources(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<AgentLogSource>>;
    /// Whether an agent has this log source.
    async fn has_log_source(
        &mut self,
        agent: WorkspaceAgentId,
        source: LogSourceId,
    ) -> StoreResult<bool>;
    /// Appends lines (their `id` is ignored) and adds the bytes of their `output` to `logs_length`. The first
    /// line with which that would exceed [`MAX_LOG_BYTES`](crate::workspace_agent::MAX_LOG_BYTES) sets
    /// `logs_overflowed`; it and all lines after it, also of later calls, are dropped. Answers how many lines
    /// were stored.
    async fn append_logs(&mut self, id: WorkspaceAgentId, lines: &[AgentLog]) -> StoreResult<u64>;
    /// At most `limit` lines (0 for all) with `after < id < before`, ascending.
    async fn logs(
        &mut self,
        id: WorkspaceAgentId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<Vec<AgentLog>>;

    /// Removes the log lines of at most `limit` agents that were last connected, or made, before `before` and are
    /// not of their workspace's newest build, and sets their `logs_length` to 0. Answers of how many.
    async fn delete_logs_of_earlier_builds(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<u64>;

    /// Adds metadata definitions. Conflict: `workspace_agent_metadata_pkey` (agent and key).
    async fn insert_metadata(&mut self, metadata: &[AgentMetadatum]) -> StoreResult<()>;
    /// The metadata of several agents, by display order, then key.
    async fn metadata(&mut self, agents: &[WorkspaceAgentId]) -> StoreResult<Vec<AgentMetadatum>>;
    /// Sets values, the last one where a key comes twice; unknown agents and keys are ignored.
    async fn update_metadata(
        &mut self,
        updates: &[(WorkspaceAgentId, MetadataUpdate)],
    ) -> StoreResult<()>;

    /// Adds monitors. Conflict: `workspace_agent_resource_monitors_agent_id_volume_key`.
    async fn insert_resource_monitors(&mut self, monitors: &[ResourceMonitor]) -> StoreResult<()>;
    /// The monitors of an agent: that of the memory first, then by volume.
    async fn resource_monitors(
        &mut self,
        agent: WorkspaceAgentId,
    ) -> StoreResult<Vec<ResourceMonitor>>;
    /// Replaces `state`, `debounced_until` and `updated_at` of the monitor of this agent and volume.
    async fn set_resource_monitor(&mut self, monitor: &ResourceMonitor) -> StoreResult<()>;

    /// Adds scripts.
    async fn insert_scripts(&mut self, scripts: &[WorkspaceAgentScript]) -> StoreResult<()>;
    /// The scripts of several agents, by display name, then id.
    async fn scripts(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<WorkspaceAgentScript>>;
    /// Notes a run; one of the same script that began at the same time is known already and stays as it is. Of runs
    /// by schedule the newest [`MAX_CRON_RUNS`](crate::script::MAX_CRON_RUNS) are kept. `false` when this agent
    /// has no such script.
    async fn insert_script_timing(
        &mut self,
        agent: WorkspaceAgentId,
        timing: &ScriptTiming,
    ) -> StoreResult<bool>;
    /// All runs of several agents' scripts, by begin.
    async fn script_timings(
        &mut self,
        agents: &[WorkspaceAgentId],
    ) -> StoreResult<Vec<(WorkspaceAgentId, ScriptTiming)>>;
}

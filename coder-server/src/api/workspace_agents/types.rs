//! What clients see of agents.

use crate::{app_state::AppState, config::Config};
use chrono::{DateTime, Utc};
use coder_core::{
    Timestamp,
    script::{ScriptTiming, WorkspaceAgentScript as Script},
    service::{agents::INACTIVE_AFTER_MS, details::AgentDetails},
    workspace_agent::{
        self, AgentAuth, AgentLog, AgentLogSource, AgentMetadatum, AgentStatus, unhealthy_reason,
    },
    workspace_app::WorkspaceApp as App,
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;
use uuid::Uuid;

/// What the view of an agent depends on beside the agent.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The time at which connections are judged.
    pub(crate) now: Timestamp,
    config: Arc<Config>,
}

impl Look {
    /// Now.
    pub(crate) fn new(state: &AppState) -> Self {
        Self {
            now: state.deps.now(),
            config: Arc::clone(&state.config),
        }
    }

    /// Where users find help: what the template says, or else the server.
    fn troubleshooting_url(&self, of_template: String) -> String {
        if of_template.is_empty() {
            let client = &self.config.client;
            client.agent_fallback_troubleshooting_url.clone()
        } else {
            of_template
        }
    }
}

/// An agent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgent {
    id: Uuid,
    /// The agent whose dev container this one runs in.
    parent_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_connected_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_connected_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnected_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_at: Option<DateTime<Utc>>,
    /// `connecting`, `connected`, `disconnected` or `timeout`.
    status: &'static str,
    /// `created`, `starting`, `start_timeout`, `start_error`, `ready`, `shutting_down`,
    /// `shutdown_timeout`, `shutdown_error` or `off`.
    lifecycle_state: &'static str,
    name: String,
    resource_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    architecture: String,
    environment_variables: BTreeMap<String, String>,
    operating_system: String,
    logs_length: i64,
    logs_overflowed: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    directory: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    expanded_directory: String,
    version: String,
    api_version: String,
    apps: Vec<WorkspaceApp>,
    connection_timeout_seconds: i32,
    troubleshooting_url: String,
    subsystems: Vec<String>,
    health: WorkspaceAgentHealth,
    display_apps: Vec<String>,
    log_sources: Vec<WorkspaceAgentLogSource>,
    scripts: Vec<WorkspaceAgentScript>,
    /// `blocking` or `non-blocking`.
    startup_script_behavior: &'static str,
}

/// Whether an agent is well.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentHealth {
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// An app of an agent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceApp {
    id: Uuid,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    external: bool,
    slug: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    display_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    icon: String,
    subdomain: bool,
    /// `owner`, `authenticated`, `organization` or `public`.
    sharing_level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<Healthcheck>,
    /// `disabled`, `initializing`, `healthy` or `unhealthy`.
    health: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    hidden: bool,
    /// `slim-window` or `tab`.
    open_in: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    tooltip: String,
    /// States that tools report; none yet.
    statuses: Vec<serde_json::Value>,
}

/// How the health of an app is found out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Healthcheck {
    url: String,
    /// Seconds between two checks.
    interval: i32,
    /// Failures until it is unhealthy.
    threshold: i32,
}

/// A script of an agent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentScript {
    id: Uuid,
    log_source_id: Uuid,
    log_path: String,
    script: String,
    cron: String,
    run_on_start: bool,
    run_on_stop: bool,
    start_blocks_login: bool,
    /// Nanoseconds; 0 for no limit.
    timeout: i64,
    display_name: String,
    /// Of its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// Of its last run: `ok`, `exit_failure`, `timed_out` or `pipes_left_open`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// The last lines that it printed when its last run failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    last_lines: String,
}

/// A source of log lines.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentLogSource {
    workspace_agent_id: Uuid,
    id: Uuid,
    created_at: DateTime<Utc>,
    display_name: String,
    icon: String,
}

/// One line of an agent's log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentLog {
    /// Ascending; what `after` and `before` mean.
    id: i64,
    created_at: DateTime<Utc>,
    output: String,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    level: &'static str,
    source_id: Uuid,
}

/// A measured value with its definition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentMetadata {
    result: WorkspaceAgentMetadataResult,
    description: WorkspaceAgentMetadataDescription,
}

/// A measured value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentMetadataResult {
    collected_at: DateTime<Utc>,
    /// Seconds since then.
    age: i64,
    value: String,
    error: String,
}

/// What is measured.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceAgentMetadataDescription {
    display_name: String,
    key: String,
    script: String,
    /// Seconds.
    interval: i64,
    /// Seconds.
    timeout: i64,
}

impl WorkspaceAgent {
    /// The agent as it looks now.
    pub(crate) fn new(details: AgentDetails, look: &Look) -> Self {
        let AgentDetails {
            agent,
            apps,
            log_sources,
            scripts,
        } = details;
        let status = AgentStatus::of(&agent, look.now, INACTIVE_AFTER_MS);
        let reason = unhealthy_reason(status, agent.lifecycle_state);
        let disconnected_at = disconnected_at(&agent, status);
        let instance_id = match agent.auth {
            AgentAuth::InstanceId(id) => Some(id),
            AgentAuth::Token(_) => None,
        };
        Self {
            id: agent.id.into(),
            parent_id: agent.parent_id.map(Uuid::from),
            created_at: agent.created_at,
            updated_at: agent.updated_at,
            first_connected_at: agent.first_connected_at,
            last_connected_at: agent.last_connected_at,
            disconnected_at,
            started_at: agent.started_at,
            ready_at: agent.ready_at,
            status: status.as_str(),
            lifecycle_state: agent.lifecycle_state.as_str(),
            name: agent.name,
            resource_id: agent.resource_id.into(),
            instance_id,
            architecture: agent.architecture,
            environment_variables: agent.environment_variables,
            operating_system: agent.operating_system,
            logs_length: agent.logs_length,
            logs_overflowed: agent.logs_overflowed,
            directory: agent.directory,
            expanded_directory: agent.expanded_directory,
            version: agent.version,
            api_version: agent.api_version,
            apps: apps.into_iter().map(WorkspaceApp::from).collect(),
            connection_timeout_seconds: agent.connection_timeout_seconds,
            troubleshooting_url: look.troubleshooting_url(agent.troubleshooting_url),
            subsystems: agent.subsystems,
            health: WorkspaceAgentHealth {
                healthy: reason.is_none(),
                reason,
            },
            display_apps: agent.display_apps,
            log_sources: log_sources
                .into_iter()
                .map(WorkspaceAgentLogSource::from)
                .collect(),
            scripts: scripts
                .into_iter()
                .map(WorkspaceAgentScript::from)
                .collect(),
            startup_script_behavior: agent.startup_script_behavior.as_str(),
        }
    }

    /// Its id, when it makes its workspace unhealthy. Agents of dev containers do not.
    pub(crate) fn failing(&self) -> Option<Uuid> {
        (!self.health.healthy && self.parent_id.is_none()).then_some(self.id)
    }
}

/// When an agent went. A silent one has been away since it was heard of last.
fn disconnected_at(
    agent: &workspace_agent::WorkspaceAgent,
    status: AgentStatus,
) -> Option<Timestamp> {
    let noted = agent.disconnected_at;
    let silent = status == AgentStatus::Disconnected && noted < agent.last_connected_at;
    if silent {
        agent.last_connected_at
    } else {
        noted
    }
}

impl From<App> for WorkspaceApp {
    fn from(app: App) -> Self {
        let healthcheck = (!app.healthcheck_url.is_empty()).then_some(Healthcheck {
            url: app.healthcheck_url,
            interval: app.healthcheck_interval,
            threshold: app.healthcheck_threshold,
        });
        Self {
            id: app.id.into(),
            url: app.url,
            external: app.external,
            slug: app.slug,
            display_name: app.display_name,
            command: app.command,
            icon: app.icon,
            subdomain: app.subdomain,
            sharing_level: app.sharing_level.as_str(),
            healthcheck,
            health: app.health.as_str(),
            group: app.group,
            hidden: app.hidden,
            open_in: app.open_in.as_str(),
            tooltip: app.tooltip,
            statuses: Vec::new(),
        }
    }
}

impl From<(Script, Option<ScriptTiming>)> for WorkspaceAgentScript {
    fn from((script, run): (Script, Option<ScriptTiming>)) -> Self {
        Self {
            id: script.id.into(),
            log_source_id: script.log_source_id.into(),
            log_path: script.log_path,
            script: script.script,
            cron: script.cron,
            run_on_start: script.run_on_start,
            run_on_stop: script.run_on_stop,
            start_blocks_login: script.start_blocks_login,
            timeout: i64::from(script.timeout_seconds) * 1_000_000_000,
            display_name: script.display_name,
            exit_code: run.as_ref().map(|run| run.exit_code),
            status: run.as_ref().map(|run| run.status.as_str()),
            last_lines: run.map(|run| run.last_lines).unwrap_or_default(),
        }
    }
}

impl From<AgentLogSource> for WorkspaceAgentLogSource {
    fn from(source: AgentLogSource) -> Self {
        Self {
            workspace_agent_id: source.agent_id.into(),
            id: source.id.into(),
            created_at: source.created_at,
            display_name: source.display_name,
            icon: source.icon,
        }
    }
}

impl From<AgentLog> for WorkspaceAgentLog {
    fn from(line: AgentLog) -> Self {
        Self {
            id: line.id,
            created_at: line.created_at,
            output: line.output,
            level: line.level.as_str(),
            source_id: line.source_id.into(),
        }
    }
}

impl WorkspaceAgentMetadata {
    /// The value as it looks now.
    pub(crate) fn new(metadatum: AgentMetadatum, look: &Look) -> Self {
        // Clients know "never" by the year 1.
        let never = DateTime::<Utc>::from_timestamp(-62_135_596_800, 0).unwrap_or_default();
        let collected_at = metadatum.collected_at.unwrap_or(never);
        Self {
            result: WorkspaceAgentMetadataResult {
                collected_at,
                age: (look.now - collected_at).num_seconds().max(0),
                value: metadatum.value,
                error: metadatum.error,
            },
            description: WorkspaceAgentMetadataDescription {
                display_name: metadatum.display_name,
                key: metadatum.key,
                script: metadatum.script,
                interval: metadatum.interval,
                timeout: metadatum.timeout,
            },
        }
    }
}

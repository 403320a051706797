//! The parts of API answers that commands look at; the rest passes through as JSON.

use coder_core::{
    Timestamp,
    parameter::{ParameterValue, RichParameter},
    provisioner_job::{JobStatus, LogLevel},
    workspace_agent::{AgentStatus, LifecycleState},
    workspace_build::{WorkspaceStatus, WorkspaceTransition},
};
use serde::Deserialize;

/// A user.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) organization_ids: Vec<String>,
    #[serde(default)]
    pub(crate) roles: Vec<Role>,
}

/// A role of a user.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
}

/// A template.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) display_name: String,
    pub(crate) organization_name: String,
    pub(crate) active_version_id: String,
    #[serde(default)]
    pub(crate) active_user_count: i64,
    pub(crate) updated_at: Timestamp,
}

/// A version of a template.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TemplateVersion {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: MinimalUser,
    pub(crate) job: Job,
}

/// Who made something.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MinimalUser {
    pub(crate) username: String,
}

/// Whether any daemon can take a job.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MatchedProvisioners {
    pub(crate) count: i64,
    pub(crate) available: i64,
}

/// A provisioner job.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Job {
    pub(crate) status: JobStatus,
    #[serde(default)]
    pub(crate) completed_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) error: String,
    #[serde(default)]
    pub(crate) queue_position: i64,
    /// The template's archive.
    #[serde(default)]
    pub(crate) file_id: String,
    #[serde(default)]
    pub(crate) tags: std::collections::BTreeMap<String, String>,
}

/// A line of a job's log.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct JobLog {
    pub(crate) id: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) log_level: LogLevel,
    pub(crate) stage: String,
    pub(crate) output: String,
}

/// A workspace.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) owner_name: String,
    pub(crate) template_name: String,
    pub(crate) template_active_version_id: String,
    #[serde(default)]
    pub(crate) template_require_active_version: bool,
    /// `always` when each start moves it to the active version.
    #[serde(default)]
    pub(crate) automatic_updates: String,
    pub(crate) outdated: bool,
    pub(crate) latest_build: Build,
    pub(crate) health: Health,
    pub(crate) last_used_at: Timestamp,
}

/// Whether a workspace's agents are well.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Health {
    pub(crate) healthy: bool,
}

/// A build.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Build {
    pub(crate) id: String,
    pub(crate) build_number: i32,
    pub(crate) status: WorkspaceStatus,
    pub(crate) transition: WorkspaceTransition,
    pub(crate) job: Job,
    #[serde(default)]
    pub(crate) matched_provisioners: Option<MatchedProvisioners>,
    pub(crate) template_version_id: String,
    #[serde(default)]
    pub(crate) template_version_name: String,
    #[serde(default)]
    pub(crate) resources: Vec<Resource>,
}

/// A resource.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Resource {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) hide: bool,
    #[serde(default)]
    pub(crate) agents: Vec<Agent>,
}

/// An agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: AgentStatus,
    pub(crate) lifecycle_state: LifecycleState,
    pub(crate) operating_system: String,
    pub(crate) architecture: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) expanded_directory: String,
    #[serde(default)]
    pub(crate) troubleshooting_url: String,
    #[serde(default)]
    pub(crate) scripts: Vec<Script>,
    #[serde(default)]
    pub(crate) apps: Vec<App>,
}

/// A script of an agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Script {
    #[serde(default)]
    pub(crate) display_name: String,
    pub(crate) run_on_start: bool,
    pub(crate) start_blocks_login: bool,
    #[serde(default)]
    pub(crate) exit_code: Option<i32>,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) last_lines: String,
}

/// An app of an agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct App {
    pub(crate) slug: String,
}

/// A line of an agent's log.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AgentLog {
    pub(crate) id: i64,
    pub(crate) level: LogLevel,
    pub(crate) output: String,
}

/// A parameter of a template version.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Parameter {
    #[serde(flatten)]
    pub(crate) definition: RichParameter,
}

/// Values, as sent with builds.
pub(crate) fn values_json(values: &[ParameterValue]) -> serde_json::Value {
    values
        .iter()
        .map(|v| serde_json::json!({ "name": v.name, "value": v.value }))
        .collect()
}

impl Workspace {
    /// `owner/name`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner_name, self.name)
    }

    /// All agents of the newest build.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.latest_build
            .resources
            .iter()
            .flat_map(|resource| &resource.agents)
    }
}

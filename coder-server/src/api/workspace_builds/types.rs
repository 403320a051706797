//! What clients see of builds.

use crate::api::{
    provisioner_jobs::{MatchedProvisioners, ProvisionerJob},
    workspace_agents::Look,
    workspace_resources::WorkspaceResource,
};
use chrono::{DateTime, Utc};
use coder_core::{
    parameter::ParameterValue,
    service::{builds::BuildTimings, details::BuildDetails},
    workspace_resource::AI_TASK,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A build of a workspace.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceBuild {
    id: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    workspace_id: Uuid,
    workspace_name: String,
    workspace_owner_id: Uuid,
    workspace_owner_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    workspace_owner_avatar_url: String,
    template_version_id: Uuid,
    template_version_name: String,
    build_number: i32,
    /// `start`, `stop` or `delete`.
    transition: &'static str,
    initiator_id: Uuid,
    initiator_name: String,
    job: ProvisionerJob,
    /// Who or what asked for it, such as `initiator` or `autostop`.
    reason: &'static str,
    resources: Vec<WorkspaceResource>,
    /// When the workspace stops unless moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<DateTime<Utc>>,
    /// When the workspace stops at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_deadline: Option<DateTime<Utc>>,
    /// `pending`, `starting`, `running`, `stopping`, `stopped`, `failed`, `canceling`, `canceled`,
    /// `deleting` or `deleted`.
    status: &'static str,
    daily_cost: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_provisioners: Option<MatchedProvisioners>,
    template_version_preset_id: Option<Uuid>,
    /// Whether the workspace works on a task.
    has_ai_task: bool,
    /// Whether an agent of the version runs outside of what the template creates.
    has_external_agent: bool,
}

/// The value of a parameter.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct WorkspaceBuildParameter {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// How long the steps of a build took.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceBuildTimings {
    provisioner_timings: Vec<ProvisionerTiming>,
    agent_script_timings: Vec<AgentScriptTiming>,
    agent_connection_timings: Vec<AgentConnectionTiming>,
}

/// How long a step of a provisioner took.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionerTiming {
    job_id: Uuid,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    /// `init`, `plan`, `graph` or `apply`.
    stage: String,
    source: String,
    action: String,
    resource: String,
}

/// How long a run of a script took.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AgentScriptTiming {
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    exit_code: i32,
    /// `start`, `stop` or `cron`.
    stage: &'static str,
    /// `ok`, `exit_failure`, `timed_out` or `pipes_left_open`.
    status: &'static str,
    display_name: String,
    workspace_agent_id: String,
    workspace_agent_name: String,
}

/// How long an agent took to connect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AgentConnectionTiming {
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    /// `connect`.
    stage: &'static str,
    workspace_agent_id: String,
    workspace_agent_name: String,
}

impl WorkspaceBuild {
    /// The build as it looks now.
    pub(crate) fn new(details: BuildDetails, look: &Look) -> Self {
        let status = details.status().as_str();
        let BuildDetails {
            build,
            workspace,
            owner,
            initiator,
            job,
            resources,
            matched,
        } = details;
        let version = job.subject.version.as_ref();
        let has_ai_task = resources.iter().any(|one| one.resource.kind == AI_TASK);
        let resources = resources.into_iter();
        Self {
            id: build.id.into(),
            created_at: build.created_at,
            updated_at: build.updated_at,
            workspace_id: workspace.id.into(),
            workspace_name: workspace.name,
            workspace_owner_id: owner.id.into(),
            workspace_owner_name: owner.username,
            workspace_owner_avatar_url: owner.avatar_url,
            template_version_id: build.template_version_id.into(),
            template_version_name: version.map(|one| one.name.clone()).unwrap_or_default(),
            build_number: build.build_number,
            transition: build.transition.as_str(),
            initiator_id: build.initiator_id.into(),
            initiator_name: initiator.map(|user| user.username).unwrap_or_default(),
            reason: build.reason.as_str(),
            resources: resources
                .map(|details| WorkspaceResource::new(details, look))
                .collect(),
            deadline: build.deadline,
            max_deadline: build.max_deadline,
            status,
            daily_cost: build.daily_cost,
            matched_provisioners: matched.map(MatchedProvisioners::from),
            template_version_preset_id: build.template_version_preset_id.map(Into::into),
            has_ai_task,
            has_external_agent: version.is_some_and(|version| version.has_external_agent),
            job: job.into(),
        }
    }

    /// Its agents that make the workspace unhealthy.
    pub(crate) fn failing_agents(&self) -> Vec<Uuid> {
        let agents = self.resources.iter().flat_map(WorkspaceResource::agents);
        agents
            .filter_map(crate::api::workspace_agents::WorkspaceAgent::failing)
            .collect()
    }

    pub(crate) fn into_resources(self) -> Vec<WorkspaceResource> {
        self.resources
    }
}

impl From<ParameterValue> for WorkspaceBuildParameter {
    fn from(value: ParameterValue) -> Self {
        Self {
            name: value.name,
            value: value.value,
        }
    }
}

impl From<WorkspaceBuildParameter> for ParameterValue {
    fn from(value: WorkspaceBuildParameter) -> Self {
        Self {
            name: value.name,
            value: value.value,
        }
    }
}

impl WorkspaceBuildTimings {
    /// The timings of a build with this job.
    pub(crate) fn new(timings: BuildTimings, job_id: Uuid) -> Self {
        let provisioner = timings
            .provisioner
            .into_iter()
            .map(|timing| ProvisionerTiming {
                job_id,
                started_at: timing.started_at,
                ended_at: timing.ended_at,
                stage: timing.stage,
                source: timing.source,
                action: timing.action,
                resource: timing.resource,
            });
        let scripts = timings
            .scripts
            .into_iter()
            .map(|(agent, script, run)| AgentScriptTiming {
                started_at: run.started_at,
                ended_at: run.ended_at,
                exit_code: run.exit_code,
                stage: run.stage.as_str(),
                status: run.status.as_str(),
                display_name: script.display_name,
                workspace_agent_id: agent.id.to_string(),
                workspace_agent_name: agent.name,
            });
        let agents = timings.agents.into_iter().filter_map(|agent| {
            Some(AgentConnectionTiming {
                started_at: agent.created_at,
                ended_at: agent.first_connected_at?,
                stage: "connect",
                workspace_agent_id: agent.id.to_string(),
                workspace_agent_name: agent.name,
            })
        });
        Self {
            provisioner_timings: provisioner.collect(),
            agent_script_timings: scripts.collect(),
            agent_connection_timings: agents.collect(),
        }
    }
}

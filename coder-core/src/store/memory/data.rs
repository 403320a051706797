//! All rows.

use super::{agent_identity::AgentToken, table::Table};
use crate::{
    Timestamp,
    agent_stats::AgentStats,
    api_key::ApiKey,
    connection_log::ConnectionLog,
    devcontainer::WorkspaceAgentDevcontainer,
    file::File,
    git_ssh_key::GitSshKey,
    id::{
        ConnectionLogId, DevcontainerId, FileId, LogSourceId, OrganizationId, ProvisionerDaemonId,
        ProvisionerJobId, ProvisionerKeyId, ScriptId, TemplateId, TemplateVersionId,
        TemplateVersionPresetId, UserId, WorkspaceAgentId, WorkspaceAppId, WorkspaceBuildId,
        WorkspaceId, WorkspaceResourceId,
    },
    instance_identity::InstanceIdentityUse,
    organization::{Organization, OrganizationMember},
    parameter::{ParameterValue, RichParameter},
    provisioner_daemon::ProvisionerDaemon,
    provisioner_job::{JobLog, JobTiming, ProvisionerJob},
    provisioner_key::ProvisionerKey,
    resource_monitor::ResourceMonitor,
    script::{ScriptTiming, WorkspaceAgentScript},
    template::Template,
    template_version::{
        TemplateVersion, TemplateVersionPreset, TemplateVersionTerraformValues,
        TemplateVersionVariable,
    },
    user::User,
    workspace::Workspace,
    workspace_agent::{AgentLog, AgentLogSource, AgentMetadatum, WorkspaceAgent},
    workspace_app::WorkspaceApp,
    workspace_build::WorkspaceBuild,
    workspace_resource::WorkspaceResource,
};
use std::sync::Arc;

/// Rows of a list that only grows.
pub(super) type Rows<T> = Vec<Arc<T>>;

/// The content of a store. A copy costs a counter per table.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) users: Table<UserId, User>,
    pub(super) organizations: Table<OrganizationId, Organization>,
    pub(super) organization_members: Table<(OrganizationId, UserId), OrganizationMember>,
    pub(super) api_keys: Table<String, ApiKey>,
    pub(super) git_ssh_keys: Table<UserId, GitSshKey>,
    pub(super) files: Table<FileId, File>,
    pub(super) templates: Table<TemplateId, Template>,
    pub(super) template_versions: Table<TemplateVersionId, TemplateVersion>,
    pub(super) version_parameters: Table<TemplateVersionId, Vec<RichParameter>>,
    pub(super) version_variables: Table<TemplateVersionId, Vec<TemplateVersionVariable>>,
    /// With their places in the version.
    pub(super) version_presets: Table<TemplateVersionPresetId, (usize, TemplateVersionPreset)>,
    pub(super) version_terraform_values: Table<TemplateVersionId, TemplateVersionTerraformValues>,
    pub(super) workspaces: Table<WorkspaceId, Workspace>,
    pub(super) workspace_builds: Table<WorkspaceBuildId, WorkspaceBuild>,
    pub(super) build_parameters: Table<WorkspaceBuildId, Vec<ParameterValue>>,
    pub(super) build_states: Table<WorkspaceBuildId, Vec<u8>>,
    pub(super) provisioner_jobs: Table<ProvisionerJobId, ProvisionerJob>,
    /// The turn of each job in its queue.
    pub(super) job_turns: Table<ProvisionerJobId, i64>,
    pub(super) job_logs: Table<ProvisionerJobId, Rows<JobLog>>,
    pub(super) job_timings: Table<ProvisionerJobId, Rows<JobTiming>>,
    pub(super) provisioner_daemons: Table<ProvisionerDaemonId, ProvisionerDaemon>,
    pub(super) provisioner_keys: Table<ProvisionerKeyId, ProvisionerKey>,
    pub(super) workspace_resources: Table<WorkspaceResourceId, WorkspaceResource>,
    pub(super) workspace_agents: Table<WorkspaceAgentId, WorkspaceAgent>,
    pub(super) agent_log_sources: Table<(WorkspaceAgentId, LogSourceId), AgentLogSource>,
    pub(super) agent_logs: Table<WorkspaceAgentId, Rows<AgentLog>>,
    pub(super) agent_metadata: Table<(WorkspaceAgentId, String), AgentMetadatum>,
    pub(super) agent_scripts: Table<ScriptId, WorkspaceAgentScript>,
    pub(super) script_timings: Table<WorkspaceAgentId, Rows<ScriptTiming>>,
    /// In the order of their times.
    pub(super) agent_stats: Table<(Timestamp, WorkspaceAgentId, i64), AgentStats>,
    pub(super) connection_logs: Table<ConnectionLogId, ConnectionLog>,
    pub(super) resource_monitors: Table<(WorkspaceAgentId, Option<String>), ResourceMonitor>,
    pub(super) workspace_apps: Table<WorkspaceAppId, WorkspaceApp>,
    pub(super) devcontainers: Table<DevcontainerId, WorkspaceAgentDevcontainer>,
    /// By instance id and agent name.
    pub(super) instance_identities: Table<(String, String), InstanceIdentityUse>,
    /// By the hash of the token.
    pub(super) agent_tokens: Table<[u8; 32], AgentToken>,
    pub(super) settings: Table<String, String>,
    /// The last id given to a log line or a report.
    pub(super) last_log_id: i64,
}

impl Data {
    /// The build with the highest number of a workspace.
    pub(super) fn latest_build(&self, workspace: WorkspaceId) -> Option<&WorkspaceBuild> {
        let builds = self.workspace_builds.values();
        builds
            .filter(|build| build.workspace_id == workspace)
            .max_by_key(|build| build.build_number)
    }

    /// The next id of a log line or a report.
    pub(super) fn next_log_id(&mut self) -> i64 {
        self.last_log_id += 1;
        self.last_log_id
    }
}

/// The text of lines that still fits: everything before the first line that does not, and nothing once
/// something was dropped. Answers how many lines, the new length, and whether something was dropped.
pub(super) fn fitting<'a>(
    outputs: impl Iterator<Item = &'a str>,
    length: i64,
    overflowed: bool,
    max: i64,
) -> (usize, i64, bool) {
    let (mut count, mut length) = (0, length);
    for output in outputs {
        let size = i64::try_from(output.len()).unwrap_or(i64::MAX);
        if overflowed || length.saturating_add(size) > max {
            return (count, length, true);
        }
        length += size;
        count += 1;
    }
    (count, length, overflowed)
}

/// At most `limit` rows (0 for all) with `after < id < before`.
pub(super) fn between<T: Clone>(
    rows: Option<&Rows<T>>,
    id: impl Fn(&T) -> i64,
    (after, before): (i64, Option<i64>),
    limit: u32,
) -> Vec<T> {
    let rows = rows.into_iter().flatten().map(Arc::as_ref);
    let wanted = rows
        .filter(|row| id(row) > after && before.is_none_or(|before| id(row) < before))
        .cloned();
    crate::store::Page { offset: 0, limit }.apply(wanted)
}

//! Messages between the daemon and the server.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use coder_core::id::{LeaseId, ProvisionerJobId, WorkspaceBuildId};
use coder_core::parameter::{ParameterValue, RichParameter};
use coder_core::provisioner_job::{JobErrorCode, ProvisionerType};
use coder_core::template_version::VariableValue;
use coder_core::workspace_tags::WorkspaceTagExpressions;
use serde::{Deserialize, Serialize};

use super::{
    ExternalAuthProvider, ExternalAuthToken, JobLog, Metadata, Preset, ProvisionerLogLevel,
    Resource, TemplateVariable, Timing, bytes_base64,
};

/// A job handed to a daemon.
#[derive(Clone, Serialize, Deserialize)]
pub struct AcquiredJob {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// Fencing token: the server takes writes only with the job's current lease.
    pub lease: LeaseId,
    /// When the job was queued.
    pub created_at: DateTime<Utc>,
    /// Which provisioner it is for.
    pub provisioner: ProvisionerType,
    /// Who asked for it.
    pub user_name: String,
    /// The template as a tar archive.
    #[serde(with = "bytes_base64")]
    pub template_archive: Bytes,
    /// The modules that its import fetched.
    #[serde(with = "bytes_base64::option")]
    pub module_files: Option<Bytes>,
    /// What to do.
    pub kind: JobKind,
}

impl fmt::Debug for AcquiredJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AcquiredJob")
            .field("job_id", &self.job_id)
            .field("lease", &self.lease)
            .field("provisioner", &self.provisioner)
            .field(
                "template_archive",
                &format_args!("{} bytes", self.template_archive.len()),
            )
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What a job does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobKind {
    /// Reads a new template version.
    #[serde(rename = "template_version_import")]
    TemplateImport(Box<TemplateImport>),
    /// Plans a template version with given parameters.
    #[serde(rename = "template_version_dry_run")]
    TemplateDryRun(Box<TemplateDryRun>),
    /// Starts, stops or deletes a workspace.
    WorkspaceBuild(Box<WorkspaceBuild>),
}

/// Input of a template import.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TemplateImport {
    /// Facts; an import has no owner.
    pub metadata: Metadata,
    /// Values of template variables given by the author.
    pub user_variable_values: Vec<VariableValue>,
}

/// Input of a dry run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TemplateDryRun {
    /// Facts; unknown ones have placeholders.
    pub metadata: Metadata,
    /// Chosen parameter values.
    pub rich_parameter_values: Vec<ParameterValue>,
    /// Values of the template's variables.
    pub variable_values: Vec<VariableValue>,
}

/// Input of a workspace build.
#[derive(Clone, Serialize, Deserialize)]
pub struct WorkspaceBuild {
    /// The build.
    pub workspace_build_id: WorkspaceBuildId,
    /// Name of the workspace.
    pub workspace_name: String,
    /// Chosen parameter values.
    pub rich_parameter_values: Vec<ParameterValue>,
    /// Parameter values of the build before.
    pub previous_parameter_values: Vec<ParameterValue>,
    /// Values of the template's variables.
    pub variable_values: Vec<VariableValue>,
    /// Tokens of external logins.
    pub external_auth_tokens: Vec<ExternalAuthToken>,
    /// Facts; its transition says what the build does.
    pub metadata: Metadata,
    /// State of the build before, empty for none.
    #[serde(with = "bytes_base64")]
    pub state: Bytes,
    /// How much to log.
    pub log_level: Option<ProvisionerLogLevel>,
}

impl fmt::Debug for WorkspaceBuild {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WorkspaceBuild")
            .field("workspace_build_id", &self.workspace_build_id)
            .field("workspace_name", &self.workspace_name)
            .field("metadata", &self.metadata)
            .field("state", &format_args!("{} bytes", self.state.len()))
            .finish_non_exhaustive()
    }
}

/// Progress of a job. Sent at least every five seconds, also when there is nothing to say, as
/// it renews the lease.
#[derive(Clone, Serialize, Deserialize)]
pub struct UpdateJob {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lease it was acquired with.
    pub lease: LeaseId,
    /// New log lines in order, at most [`super::MAX_LOG_BATCH_LINES`].
    pub logs: Vec<JobLog>,
    /// True once the job's log has reached its limit and lines are dropped.
    pub logs_overflowed: bool,
    /// Variables of a template, when they have just been found.
    pub template_variables: Option<Vec<TemplateVariable>>,
    /// README of a template, when it has just been found.
    pub readme: Option<String>,
    /// Raw workspace tags of a template, when they have just been found.
    pub workspace_tags: Option<WorkspaceTagExpressions>,
    /// State as it is now, while apply runs. Only sent when it changed.
    #[serde(with = "bytes_base64::option")]
    pub state: Option<Bytes>,
}

impl UpdateJob {
    /// An update that says nothing but renews the lease.
    #[must_use]
    pub fn new(job_id: ProvisionerJobId, lease: LeaseId) -> Self {
        Self {
            job_id,
            lease,
            logs: Vec::new(),
            logs_overflowed: false,
            template_variables: None,
            readme: None,
            workspace_tags: None,
            state: None,
        }
    }
}

impl fmt::Debug for UpdateJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UpdateJob")
            .field("job_id", &self.job_id)
            .field("lease", &self.lease)
            .field("logs", &self.logs.len())
            .field("logs_overflowed", &self.logs_overflowed)
            .field("state", &self.state.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// Answer to [`UpdateJob`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct UpdateJobResponse {
    /// Somebody asked for the job to be cancelled.
    pub canceled: bool,
    /// Answer to `template_variables`: the values to use, from the request and from the
    /// template's active version.
    pub variable_values: Vec<VariableValue>,
}

/// A job that ended well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompletedJob {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lease it was acquired with.
    pub lease: LeaseId,
    /// Its result.
    pub kind: CompletedJobKind,
}

/// Result by kind of job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CompletedJobKind {
    /// Result of an import.
    #[serde(rename = "template_version_import")]
    TemplateImport(TemplateImportResult),
    /// Result of a dry run.
    #[serde(rename = "template_version_dry_run")]
    TemplateDryRun {
        /// What would exist.
        resources: Vec<Resource>,
    },
    /// Result of a build.
    WorkspaceBuild(WorkspaceBuildResult),
}

/// What an import found.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct TemplateImportResult {
    /// What a running workspace has.
    pub start_resources: Vec<Resource>,
    /// What a stopped workspace has.
    pub stop_resources: Vec<Resource>,
    /// Parameters in order of appearance.
    pub rich_parameters: Vec<RichParameter>,
    /// Presets.
    pub presets: Vec<Preset>,
    /// External logins by id.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    /// Modules to keep for builds, at most [`super::MAX_MODULE_FILES_BYTES`].
    #[serde(with = "bytes_base64::option", default)]
    pub module_files: Option<Bytes>,
}

impl fmt::Debug for TemplateImportResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TemplateImportResult")
            .field("start_resources", &self.start_resources)
            .field("stop_resources", &self.stop_resources)
            .field("rich_parameters", &self.rich_parameters)
            .field("presets", &self.presets)
            .field("module_files", &self.module_files.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// What a build made.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct WorkspaceBuildResult {
    /// New state.
    #[serde(with = "bytes_base64")]
    pub state: Bytes,
    /// What exists now.
    pub resources: Vec<Resource>,
    /// Durations.
    pub timings: Vec<Timing>,
}

impl fmt::Debug for WorkspaceBuildResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WorkspaceBuildResult")
            .field("state", &format_args!("{} bytes", self.state.len()))
            .field("resources", &self.resources)
            .field("timings", &self.timings.len())
            .finish()
    }
}

/// A job that failed or was cancelled.
#[derive(Clone, Serialize, Deserialize)]
pub struct FailedJob {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lease it was acquired with.
    pub lease: LeaseId,
    /// The reason, for people.
    pub error: String,
    /// The reason, for programs.
    pub error_code: Option<JobErrorCode>,
    /// True when the job ended because [`UpdateJobResponse::canceled`] asked for it: it counts as
    /// canceled then, not as failed.
    pub canceled: bool,
    /// State after a failed apply. `None` leaves the stored state as it is.
    #[serde(with = "bytes_base64::option")]
    pub state: Option<Bytes>,
    /// Durations up to the failure.
    pub timings: Vec<Timing>,
}

impl FailedJob {
    /// A failure without a code, state or timings.
    pub fn new(job_id: ProvisionerJobId, lease: LeaseId, error: impl Into<String>) -> Self {
        Self {
            job_id,
            lease,
            error: error.into(),
            error_code: None,
            canceled: false,
            state: None,
            timings: Vec::new(),
        }
    }
}

impl fmt::Debug for FailedJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FailedJob")
            .field("job_id", &self.job_id)
            .field("lease", &self.lease)
            .field("error", &self.error)
            .field("error_code", &self.error_code)
            .field("canceled", &self.canceled)
            .field("state", &self.state.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// A job that goes back into the queue, because nobody has begun to work on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleasedJob {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lease it was acquired with.
    pub lease: LeaseId,
    /// Only when there was no sign of life since it was acquired: said by whoever handed it out
    /// and does not know whether it arrived.
    #[serde(default)]
    pub only_unheard: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn job() -> AcquiredJob {
        let metadata = Metadata {
            workspace_owner_session_token: coder_core::secret::Secret::new("hunter2"),
            ..Metadata::default()
        };
        AcquiredJob {
            job_id: ProvisionerJobId(Uuid::nil()),
            lease: LeaseId(Uuid::nil()),
            created_at: DateTime::UNIX_EPOCH,
            provisioner: ProvisionerType::Terraform,
            user_name: "ann".into(),
            template_archive: Bytes::from_static(b"\x00\xff"),
            module_files: None,
            kind: JobKind::WorkspaceBuild(Box::new(WorkspaceBuild {
                workspace_build_id: WorkspaceBuildId(Uuid::nil()),
                workspace_name: "dev".into(),
                rich_parameter_values: Vec::new(),
                previous_parameter_values: Vec::new(),
                variable_values: Vec::new(),
                external_auth_tokens: Vec::new(),
                metadata,
                state: Bytes::from_static(b"hunter2 too"),
                log_level: None,
            })),
        }
    }

    #[test]
    fn a_job_survives_json() {
        let text = serde_json::to_string(&job()).unwrap();
        assert!(text.contains(r#""type":"workspace_build""#), "{text}");
        let back: AcquiredJob = serde_json::from_str(&text).unwrap();
        assert_eq!(back.template_archive, job().template_archive);
        let JobKind::WorkspaceBuild(build) = back.kind else {
            panic!("another kind")
        };
        assert_eq!(
            build.metadata.workspace_owner_session_token.expose(),
            "hunter2"
        );
    }

    #[test]
    fn debug_shows_no_secret_and_no_state() {
        assert!(!format!("{:?}", job()).contains("hunter2"));
    }

    #[test]
    fn optional_state_survives_json() {
        for state in [None, Some(Bytes::from_static(b"{}"))] {
            let AcquiredJob { job_id, lease, .. } = job();
            let mut failed = FailedJob::new(job_id, lease, "no");
            failed.state.clone_from(&state);
            let text = serde_json::to_string(&failed).unwrap();
            assert_eq!(
                serde_json::from_str::<FailedJob>(&text).unwrap().state,
                state
            );
        }
    }
}

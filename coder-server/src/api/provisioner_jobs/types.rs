//! What clients see of jobs.

use chrono::{DateTime, Utc};
use coder_core::{
    provisioner_job::{JobInput, JobLog, Tags},
    service::details::{JobDetails, JobSubject, MatchedProvisioners as Matched},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A job of a provisioner.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionerJob {
    id: Uuid,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// `REQUIRED_TEMPLATE_VARIABLES`, `MISSING_TEMPLATE_PARAMETER` or `INSUFFICIENT_QUOTA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    /// `pending`, `running`, `succeeded`, `canceling`, `canceled` or `failed`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_name: Option<String>,
    file_id: Uuid,
    tags: Tags,
    /// 1 for the next one, 0 when it does not wait.
    queue_position: i64,
    queue_size: i64,
    organization_id: Uuid,
    initiator_id: Uuid,
    input: ProvisionerJobInput,
    /// `template_version_import`, `template_version_dry_run` or `workspace_build`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Daemons that could take it, while it waits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    available_workers: Vec<Uuid>,
    metadata: ProvisionerJobMetadata,
    logs_overflowed: bool,
}

/// What a job works on.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct ProvisionerJobInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_version_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_build_id: Option<Uuid>,
}

/// What a job is about.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct ProvisionerJobMetadata {
    template_version_name: String,
    template_id: Uuid,
    template_name: String,
    template_display_name: String,
    template_icon: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_build_transition: Option<&'static str>,
}

/// One line of a job's log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionerJobLog {
    /// Ascending; what `after` and `before` mean.
    id: i64,
    created_at: DateTime<Utc>,
    /// `provisioner_daemon` or `provisioner`.
    log_source: &'static str,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    log_level: &'static str,
    stage: String,
    output: String,
}

/// How many daemons fit a job.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct MatchedProvisioners {
    count: usize,
    available: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    most_recently_seen: Option<DateTime<Utc>>,
}

impl From<JobDetails> for ProvisionerJob {
    fn from(details: JobDetails) -> Self {
        let JobDetails {
            job,
            queue,
            worker_name,
            available_workers,
            subject,
        } = details;
        Self {
            id: job.id.into(),
            created_at: job.created_at,
            started_at: job.started_at,
            completed_at: job.completed_at,
            canceled_at: job.canceled_at,
            status: job.status().as_str(),
            error_code: job
                .error_code
                .map(coder_core::provisioner_job::JobErrorCode::as_str),
            worker_id: job.worker_id.map(Uuid::from),
            worker_name,
            file_id: job.file_id.into(),
            queue_position: queue.position,
            queue_size: queue.size,
            organization_id: job.organization_id.into(),
            initiator_id: job.initiator_id.into(),
            kind: job.input.job_type().as_str(),
            input: (&job.input).into(),
            available_workers: available_workers.into_iter().map(Uuid::from).collect(),
            metadata: subject.into(),
            logs_overflowed: job.logs_overflowed,
            error: job.error,
            tags: job.tags,
        }
    }
}

impl From<&JobInput> for ProvisionerJobInput {
    fn from(input: &JobInput) -> Self {
        match input {
            JobInput::TemplateVersionImport {
                template_version_id,
                ..
            }
            | JobInput::TemplateVersionDryRun {
                template_version_id,
                ..
            } => Self {
                template_version_id: Some((*template_version_id).into()),
                workspace_build_id: None,
            },
            JobInput::WorkspaceBuild {
                workspace_build_id, ..
            } => Self {
                template_version_id: None,
                workspace_build_id: Some((*workspace_build_id).into()),
            },
        }
    }
}

impl From<JobSubject> for ProvisionerJobMetadata {
    fn from(subject: JobSubject) -> Self {
        let mut metadata = Self::default();
        if let Some(version) = subject.version {
            metadata.template_version_name = version.name;
        }
        if let Some(template) = subject.template {
            metadata.template_id = template.id.into();
            metadata.template_name = template.name;
            metadata.template_display_name = template.display_name;
            metadata.template_icon = template.icon;
        }
        if let Some((id, name, transition)) = subject.workspace {
            metadata.workspace_id = Some(id.into());
            metadata.workspace_name = Some(name);
            metadata.workspace_build_transition = Some(transition.as_str());
        }
        metadata
    }
}

impl From<JobLog> for ProvisionerJobLog {
    fn from(line: JobLog) -> Self {
        Self {
            id: line.id,
            created_at: line.created_at,
            log_source: line.source.as_str(),
            log_level: line.level.as_str(),
            stage: line.stage,
            output: line.output,
        }
    }
}

impl From<Matched> for MatchedProvisioners {
    fn from(matched: Matched) -> Self {
        Self {
            count: matched.count,
            available: matched.available,
            most_recently_seen: matched.most_recently_seen,
        }
    }
}

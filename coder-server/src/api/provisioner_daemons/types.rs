use chrono::{DateTime, Utc};
use coder_core::{
    provisioner_job::Tags,
    service::{daemons::DaemonDetails, details::JobDetails},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A provisioner daemon.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionerDaemon {
    id: Uuid,
    organization_id: Uuid,
    key_id: Uuid,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<DateTime<Utc>>,
    name: String,
    version: String,
    api_version: String,
    /// `terraform`, `echo`.
    provisioners: Vec<&'static str>,
    tags: Tags,
    /// Name of the key it joined with: `built-in`, `user-auth` or `psk` without one, null for a deleted one.
    key_name: Option<String>,
    /// `offline`, `idle` or `busy`.
    status: &'static str,
    current_job: Option<ProvisionerDaemonJob>,
    previous_job: Option<ProvisionerDaemonJob>,
}

/// A job of a daemon.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionerDaemonJob {
    id: Uuid,
    /// `running`, `succeeded`, `canceling`, `canceled` or `failed`.
    status: &'static str,
    template_name: String,
    template_icon: String,
    template_display_name: String,
}

impl From<DaemonDetails> for ProvisionerDaemon {
    fn from(details: DaemonDetails) -> Self {
        let DaemonDetails {
            daemon,
            key_name,
            status,
            current_job,
            previous_job,
        } = details;
        let provisioners = daemon.provisioners.iter();
        Self {
            id: daemon.id.into(),
            organization_id: daemon.organization_id.into(),
            key_id: daemon.key_id.into(),
            created_at: daemon.created_at,
            last_seen_at: daemon.last_seen_at,
            name: daemon.name,
            version: daemon.version,
            api_version: daemon.api_version,
            provisioners: provisioners.map(|kind| kind.as_str()).collect(),
            tags: daemon.tags,
            key_name,
            status: status.as_str(),
            current_job: current_job.map(ProvisionerDaemonJob::from),
            previous_job: previous_job.map(ProvisionerDaemonJob::from),
        }
    }
}

impl From<JobDetails> for ProvisionerDaemonJob {
    fn from(details: JobDetails) -> Self {
        let template = details.subject.template;
        let text = |of: fn(&coder_core::template::Template) -> &String| {
            template
                .as_ref()
                .map(|template| of(template).clone())
                .unwrap_or_default()
        };
        Self {
            id: details.job.id.into(),
            status: details.job.status().as_str(),
            template_name: text(|template| &template.name),
            template_icon: text(|template| &template.icon),
            template_display_name: text(|template| &template.display_name),
        }
    }
}

//! Template versions as clients see them.

use crate::api::{
    provisioner_jobs::{MatchedProvisioners, ProvisionerJob},
    users::MinimalUser,
};
use chrono::{DateTime, Utc};
use coder_core::service::template_versions::VersionDetails;
use uuid::Uuid;

/// A version of a template.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TemplateVersion {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<Uuid>,
    organization_id: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    name: String,
    message: String,
    job: ProvisionerJob,
    /// `README.md` of the archive.
    readme: String,
    created_by: MinimalUser,
    archived: bool,
    /// The daemons that fit, while the import waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_provisioners: Option<MatchedProvisioners>,
    has_external_agent: bool,
}

impl From<VersionDetails> for TemplateVersion {
    fn from(details: VersionDetails) -> Self {
        let version = details.version;
        let nobody = MinimalUser {
            id: version.created_by.into(),
            username: String::new(),
            name: String::new(),
            avatar_url: String::new(),
        };
        Self {
            id: version.id.into(),
            template_id: version.template_id.map(Uuid::from),
            organization_id: version.organization_id.into(),
            created_at: version.created_at,
            updated_at: version.updated_at,
            name: version.name,
            message: version.message,
            job: details.job.into(),
            readme: version.readme,
            created_by: details.created_by.map_or(nobody, MinimalUser::from),
            archived: version.archived,
            matched_provisioners: details.matched.map(Into::into),
            has_external_agent: version.has_external_agent,
        }
    }
}

use chrono::{DateTime, Utc};
use coder_core::{provisioner_job::Tags, provisioner_key};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A provisioner key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionerKey {
    id: Uuid,
    created_at: DateTime<Utc>,
    organization: Uuid,
    name: String,
    /// The tags of the daemons that join with it.
    tags: Tags,
}

impl From<provisioner_key::ProvisionerKey> for ProvisionerKey {
    fn from(key: provisioner_key::ProvisionerKey) -> Self {
        Self {
            id: key.id.into(),
            created_at: key.created_at,
            organization: key.organization_id.into(),
            name: key.name,
            tags: key.tags,
        }
    }
}

use crate::api::workspace_agents::{Look, WorkspaceAgent};
use chrono::{DateTime, Utc};
use coder_core::service::details::ResourceDetails;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A resource of a build, or of an import under one transition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceResource {
    id: Uuid,
    created_at: DateTime<Utc>,
    job_id: Uuid,
    /// `start`, `stop` or `delete`.
    workspace_transition: &'static str,
    /// Type in the template, such as `docker_container`.
    #[serde(rename = "type")]
    kind: String,
    name: String,
    hide: bool,
    icon: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agents: Vec<WorkspaceAgent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metadata: Vec<WorkspaceResourceMetadata>,
    daily_cost: i32,
}

/// One displayed fact of a resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceResourceMetadata {
    key: String,
    /// Empty when not known.
    value: String,
    sensitive: bool,
}

impl WorkspaceResource {
    /// The resource as it looks now.
    pub(crate) fn new(details: ResourceDetails, look: &Look) -> Self {
        let ResourceDetails { resource, agents } = details;
        let agents = agents
            .into_iter()
            .map(|agent| WorkspaceAgent::new(agent, look));
        let metadata = resource
            .metadata
            .into_iter()
            .map(|metadatum| WorkspaceResourceMetadata {
                key: metadatum.key,
                value: metadatum.value.unwrap_or_default(),
                sensitive: metadatum.sensitive,
            });
        Self {
            id: resource.id.into(),
            created_at: resource.created_at,
            job_id: resource.job_id.into(),
            workspace_transition: resource.transition.as_str(),
            kind: resource.kind,
            name: resource.name,
            hide: resource.hide,
            icon: resource.icon,
            agents: agents.collect(),
            metadata: metadata.collect(),
            daily_cost: resource.daily_cost,
        }
    }

    /// The agents on it.
    pub(crate) fn agents(&self) -> &[WorkspaceAgent] {
        &self.agents
    }
}

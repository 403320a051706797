//! Containers as users see them. What the agent says of them is bounded and cleaned: it may be anything.

use chrono::{DateTime, Utc};
use coder_agent::protocol::{self, DevcontainerStatus, ListContainersResponse};
use coder_core::log_line;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The longest text of an agent that is passed on, in bytes.
const MAX_TEXT_BYTES: usize = 4_096;

/// Containers of a workspace.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentListContainersResponse {
    /// Dev containers, running or not.
    devcontainers: Vec<WorkspaceAgentDevcontainer>,
    /// All containers.
    containers: Vec<WorkspaceAgentContainer>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A container.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentContainer {
    created_at: DateTime<Utc>,
    /// The engine's identifier.
    id: String,
    name: String,
    image: String,
    labels: BTreeMap<String, String>,
    running: bool,
    ports: Vec<WorkspaceAgentContainerPort>,
    /// The engine's word for what it does.
    status: String,
    /// Paths of the workspace, with where they are inside.
    volumes: BTreeMap<String, String>,
}

/// A port that a container publishes.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentContainerPort {
    port: u16,
    /// `tcp` or `udp`.
    network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_port: Option<u16>,
}

/// A dev container.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentDevcontainer {
    id: Uuid,
    name: String,
    workspace_folder: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    config_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subagent_id: Option<Uuid>,
    /// `running`, `stopped`, `starting`, `stopping`, `deleting` or `error`.
    #[schema(value_type = String)]
    status: DevcontainerStatus,
    /// Whether `devcontainer.json` was changed since the container was made.
    dirty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<WorkspaceAgentContainer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<WorkspaceAgentDevcontainerAgent>,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// The agent inside of a dev container.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentDevcontainerAgent {
    id: Uuid,
    name: String,
    directory: String,
}

/// A text of an agent that is harmless wherever it is printed.
pub(super) fn shown(text: &str) -> String {
    let clean = log_line::clean(text);
    let clean: String = clean.chars().filter(|one| !one.is_control()).collect();
    log_line::cut(&clean, MAX_TEXT_BYTES)
}

fn shown_map(map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let pairs = map.iter();
    pairs
        .map(|(name, value)| (shown(name), shown(value)))
        .collect()
}

impl From<ListContainersResponse> for WorkspaceAgentListContainersResponse {
    fn from(found: ListContainersResponse) -> Self {
        Self {
            devcontainers: found.devcontainers.into_iter().map(Into::into).collect(),
            containers: found.containers.into_iter().map(Into::into).collect(),
            warnings: found.warnings.iter().map(|text| shown(text)).collect(),
        }
    }
}

impl From<protocol::WorkspaceAgentContainer> for WorkspaceAgentContainer {
    fn from(found: protocol::WorkspaceAgentContainer) -> Self {
        Self {
            created_at: found.created_at,
            id: shown(&found.id),
            name: shown(&found.name),
            image: shown(&found.image),
            labels: shown_map(&found.labels),
            running: found.running,
            ports: found.ports.into_iter().map(Into::into).collect(),
            status: shown(&found.status),
            volumes: shown_map(&found.volumes),
        }
    }
}

impl From<protocol::WorkspaceAgentContainerPort> for WorkspaceAgentContainerPort {
    fn from(found: protocol::WorkspaceAgentContainerPort) -> Self {
        Self {
            port: found.port,
            network: shown(&found.network),
            host_ip: found.host_ip.as_deref().map(shown),
            host_port: found.host_port,
        }
    }
}

impl From<protocol::WorkspaceAgentDevcontainer> for WorkspaceAgentDevcontainer {
    fn from(found: protocol::WorkspaceAgentDevcontainer) -> Self {
        Self {
            id: found.id.into(),
            name: shown(&found.name),
            workspace_folder: shown(&found.workspace_folder),
            config_path: shown(&found.config_path),
            subagent_id: found.subagent_id.map(Into::into),
            status: found.status,
            dirty: found.dirty,
            container: found.container.map(Into::into),
            agent: found.agent.map(|agent| WorkspaceAgentDevcontainerAgent {
                id: agent.id.into(),
                name: shown(&agent.name),
                directory: shown(&agent.directory),
            }),
            error: shown(&found.error),
        }
    }
}

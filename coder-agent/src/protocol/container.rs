use std::collections::BTreeMap;

use coder_core::Timestamp;
use coder_core::id::{DevcontainerId, WorkspaceAgentId};
use serde::{Deserialize, Serialize};

/// What an agent sees of containers: `GET /api/v0/containers` of its own API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListContainersResponse {
    /// Dev containers, running or not, by name.
    pub devcontainers: Vec<WorkspaceAgentDevcontainer>,
    /// All containers, by name.
    pub containers: Vec<WorkspaceAgentContainer>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceAgentContainer {
    /// When it was made.
    pub created_at: Timestamp,
    /// The engine's identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it was made from.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it runs.
    pub running: bool,
    /// Ports that it publishes.
    pub ports: Vec<WorkspaceAgentContainerPort>,
    /// The engine's word for what it does, such as `running` or `exited`.
    pub status: String,
    /// Paths of the host, with where they are inside.
    pub volumes: BTreeMap<String, String>,
}

/// A port that a container publishes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkspaceAgentContainerPort {
    /// Inside.
    pub port: u16,
    /// `tcp` or `udp`.
    pub network: String,
    /// The address outside; absent when it is not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// The port outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
}

/// A dev container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceAgentDevcontainer {
    /// Its id, as in the manifest, or for others one that holds until the agent is started again.
    pub id: DevcontainerId,
    /// Shown to the user.
    pub name: String,
    /// The folder that holds the project, outside.
    pub workspace_folder: String,
    /// Where `devcontainer.json` is; empty for its usual place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub config_path: String,
    /// The agent inside that the template foresees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent_id: Option<WorkspaceAgentId>,
    /// What it does.
    pub status: DevcontainerStatus,
    /// Whether `devcontainer.json` was changed since the container was made.
    pub dirty: bool,
    /// The container, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<WorkspaceAgentContainer>,
    /// The agent inside, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<WorkspaceAgentDevcontainerAgent>,
    /// Why it does not run; empty when it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// What a dev container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DevcontainerStatus {
    /// It runs.
    Running,
    /// It does not.
    Stopped,
    /// It is being made.
    Starting,
    /// It is being stopped.
    Stopping,
    /// It is being removed.
    Deleting,
    /// The last act failed.
    Error,
}

/// The agent inside of a dev container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceAgentDevcontainerAgent {
    /// Its id.
    pub id: WorkspaceAgentId,
    /// Its name.
    pub name: String,
    /// Where its sessions begin.
    pub directory: String,
}

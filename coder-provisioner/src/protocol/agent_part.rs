//! What belongs to an agent beside apps, scripts and variables.

use serde::{Deserialize, Serialize};

use super::{App, Env, Script};

/// A `coder_devcontainer`, with what is attached to the agent inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Devcontainer {
    /// Id in Terraform, a UUID, or empty before it is created.
    pub id: String,
    /// Name in the template.
    pub name: String,
    /// The folder that holds the project.
    pub workspace_folder: String,
    /// Where `devcontainer.json` is; empty for its usual place.
    pub config_path: String,
    /// Id of the agent inside it, a UUID, or empty before it is created.
    pub subagent_id: String,
    /// Apps reached through the agent inside.
    pub apps: Vec<App>,
    /// Scripts that the agent inside runs.
    pub scripts: Vec<Script>,
    /// Variables of the agent inside, in order of their addresses.
    pub envs: Vec<Env>,
}

/// What an agent watches of its machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourcesMonitoring {
    /// Memory, absent when the template says nothing of it.
    pub memory: Option<MemoryMonitor>,
    /// Volumes by path.
    pub volumes: Vec<VolumeMonitor>,
}

/// Watching of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryMonitor {
    /// Whether it is watched.
    pub enabled: bool,
    /// Percent in use above which the owner is told.
    pub threshold: i32,
}

/// Watching of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMonitor {
    /// Where it is mounted.
    pub path: String,
    /// Whether it is watched.
    pub enabled: bool,
    /// Percent in use above which the owner is told.
    pub threshold: i32,
}

/// A `coder_ai_task`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AiTask {
    /// The task's id, or a random one outside a task; empty before it is created.
    pub id: String,
    /// Id of the app that shows it; empty before that is created.
    pub app_id: String,
    /// What the user asked for.
    pub prompt: String,
}

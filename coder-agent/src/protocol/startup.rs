use coder_core::id::AgentRunId;
use serde::{Deserialize, Serialize};

/// `POST startup`: sent once for each manifest, before any script runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Startup {
    /// The agent's build version, for example `v0.1.0`.
    pub version: String,
    /// The version of this protocol, see [`API_VERSION`](super::API_VERSION).
    #[serde(default)]
    pub api_version: String,
    /// The manifest's directory with `~` and variables resolved; empty when it asked for none.
    #[serde(default)]
    pub expanded_directory: String,
    /// What wraps the agent (`envbox`, `envbuilder`, `exectrace`), from `CODER_AGENT_SUBSYSTEM`.
    #[serde(default)]
    pub subsystems: Vec<String>,
    /// Chosen by the agent when it begins its start scripts, and the same for as long as it does not begin them again:
    /// after a reconnect, and after the agent was killed and went on. With another one than before, the lifecycle
    /// begins anew.
    #[serde(default)]
    pub run_id: Option<AgentRunId>,
}

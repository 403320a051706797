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
}

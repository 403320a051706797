use serde::{Deserialize, Serialize};

/// `GET /api/v0/listening-ports`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningPortsResponse {
    /// By number, each once.
    pub ports: Vec<ListeningPort>,
}

/// A port of the workspace on which something listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ListeningPort {
    /// Name of the program; empty where the agent may not know it.
    pub process_name: String,
    /// `tcp`.
    pub network: String,
    /// The number.
    pub port: u16,
}

/// A refusal, as the server's API has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// One sentence for people.
    pub message: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

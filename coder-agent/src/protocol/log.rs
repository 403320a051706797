use coder_core::Timestamp;
use coder_core::id::{LogSourceId, WorkspaceAgentId};
use coder_core::provisioner_job::LogLevel;
use serde::{Deserialize, Serialize};

/// How much log text the server keeps for one agent, in bytes; after that it refuses more.
pub const MAX_AGENT_LOG_BYTES: usize = 1_048_576;

/// The longest single line an agent sends, in bytes; longer ones are split.
pub const MAX_LOG_LINE_BYTES: usize = 64 * 1024;

/// `PATCH logs`: appends lines of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchLogs {
    /// The script or other source that wrote the lines.
    pub log_source_id: LogSourceId,
    /// The lines, oldest first.
    pub logs: Vec<Log>,
}

/// One line of an agent's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// When the line was written.
    pub created_at: Timestamp,
    /// The text without its line end: valid UTF-8 without NUL.
    pub output: String,
    /// How serious it is: a script's stdout is info, its stderr error.
    pub level: LogLevel,
}

/// `POST log-source`: names a source of lines before it writes any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostLogSourceRequest {
    /// Chosen by the agent; asking again with the same id changes nothing.
    pub id: LogSourceId,
    /// Shown to the user.
    pub display_name: String,
    /// A URL or path of an image; may be empty.
    #[serde(default)]
    pub icon: String,
}

/// A registered source of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSource {
    /// The agent that owns the source.
    pub workspace_agent_id: WorkspaceAgentId,
    /// The id given by the agent.
    pub id: LogSourceId,
    /// When the server first heard of it.
    pub created_at: Timestamp,
    /// Shown to the user.
    pub display_name: String,
    /// A URL or path of an image; may be empty.
    #[serde(default)]
    pub icon: String,
}

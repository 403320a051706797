use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How much log text the server keeps for one agent, in bytes; after that it refuses more.
pub const MAX_AGENT_LOG_BYTES: usize = 1024 * 1024;

/// The longest single line an agent sends, in bytes; longer ones are split.
pub const MAX_LOG_LINE_BYTES: usize = 64 * 1024;

/// `PATCH logs`: appends lines of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchLogs {
    /// The script or other source that wrote the lines.
    pub log_source_id: Uuid,
    /// The lines, oldest first.
    pub logs: Vec<Log>,
}

/// One line of an agent's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// When the line was written.
    pub created_at: DateTime<Utc>,
    /// The text without its line end: valid UTF-8 without NUL.
    pub output: String,
    /// How serious it is.
    pub level: LogLevel,
}

/// The seriousness of a line.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Finer than debug.
    Trace,
    /// For who debugs the template.
    Debug,
    /// Normal output; a script's stdout.
    #[default]
    Info,
    /// Something to look at.
    Warn,
    /// A failure; a script's stderr.
    Error,
}

/// `POST log-source`: names a source of lines before it writes any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostLogSourceRequest {
    /// Chosen by the agent; asking again with the same id changes nothing.
    pub id: Uuid,
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
    pub workspace_agent_id: Uuid,
    /// The id given by the agent.
    pub id: Uuid,
    /// When the server first heard of it.
    pub created_at: DateTime<Utc>,
    /// Shown to the user.
    pub display_name: String,
    /// A URL or path of an image; may be empty.
    #[serde(default)]
    pub icon: String,
}

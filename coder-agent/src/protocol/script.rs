use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The exit code reported when a script ended without one.
pub const UNKNOWN_EXIT_CODE: i32 = 255;

/// `POST script-completed`: one script ran to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCompleted {
    /// The script of the manifest.
    pub script_id: Uuid,
    /// When it was started.
    pub start: DateTime<Utc>,
    /// When it ended, or was given up.
    pub end: DateTime<Utc>,
    /// Its exit code; [`UNKNOWN_EXIT_CODE`] when it has none.
    pub exit_code: i32,
    /// What it was run for.
    pub stage: ScriptStage,
    /// How it ended.
    pub status: ScriptStatus,
}

/// What a script was run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStage {
    /// The agent started.
    Start,
    /// The agent is being stopped.
    Stop,
    /// Its schedule came due.
    Cron,
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStatus {
    /// With exit code 0.
    Ok,
    /// With another exit code, or it could not be started.
    ExitFailure,
    /// It was killed after its timeout.
    TimedOut,
    /// It ended well, but something it left behind still holds its output.
    PipesLeftOpen,
}

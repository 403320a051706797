use coder_core::Timestamp;
use coder_core::id::ScriptId;
use coder_core::script::{ScriptStage, ScriptStatus};
use serde::{Deserialize, Serialize};

/// The exit code reported when a script ended without one.
pub const UNKNOWN_EXIT_CODE: i32 = 255;

/// `POST script-completed`: one script ran to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCompleted {
    /// The script of the manifest.
    pub script_id: ScriptId,
    /// When it was started.
    pub start: Timestamp,
    /// When it ended, or was given up.
    pub end: Timestamp,
    /// Its exit code; [`UNKNOWN_EXIT_CODE`] when it has none.
    pub exit_code: i32,
    /// What it was run for.
    pub stage: ScriptStage,
    /// How it ended.
    pub status: ScriptStatus,
}

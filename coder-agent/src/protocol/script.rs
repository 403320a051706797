use coder_core::Timestamp;
use coder_core::id::ScriptId;
use coder_core::script::{ScriptStage, ScriptStatus};
use serde::{Deserialize, Serialize};

/// The exit code reported when a script ended without one.
pub const UNKNOWN_EXIT_CODE: i32 = 255;

/// The most text of [`ScriptCompleted::last_lines`], in bytes.
pub const MAX_LAST_LINES_BYTES: usize = 2_048;

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
    /// Of a script that failed the last lines of its standard error, or of its standard output when it wrote nothing
    /// there; at most [`MAX_LAST_LINES_BYTES`].
    #[serde(default)]
    pub last_lines: String,
}

//! Scripts of agents and what became of them.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{LogSourceId, ScriptId, WorkspaceAgentId},
};

/// How many runs by schedule are kept of a script.
pub const MAX_CRON_RUNS: usize = 10;

/// Bytes kept of a failed script's last lines.
pub const MAX_LAST_LINES_BYTES: usize = 2_048;

string_enum! {
    /// When a script ran.
    pub enum ScriptStage {
        /// At start.
        Start => "start",
        /// At stop.
        Stop => "stop",
        /// By its schedule.
        Cron => "cron",
    }
}

string_enum! {
    /// How a script ended.
    pub enum ScriptStatus {
        /// Exit code 0.
        Ok => "ok",
        /// Another exit code.
        ExitFailure => "exit_failure",
        /// Killed for taking too long.
        TimedOut => "timed_out",
        /// Exited, but a child keeps its output open.
        PipesLeftOpen => "pipes_left_open",
    }
}

/// A script of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceAgentScript {
    /// Identifier.
    pub id: ScriptId,
    /// Where it runs.
    pub agent_id: WorkspaceAgentId,
    /// The source its output is stored under.
    pub log_source_id: LogSourceId,
    /// File that also gets its output; empty for the default.
    pub log_path: String,
    /// The text.
    pub script: String,
    /// Six-field schedule, empty for none.
    pub cron: String,
    /// Runs when the agent starts.
    pub run_on_start: bool,
    /// Runs when the agent stops.
    pub run_on_stop: bool,
    /// Whether logins wait for it.
    pub start_blocks_login: bool,
    /// Killed after so many seconds; 0 for never.
    pub timeout_seconds: i32,
    /// Name of its log source.
    pub display_name: String,
}

/// One run of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptTiming {
    /// Which.
    pub script_id: ScriptId,
    /// Begin.
    pub started_at: Timestamp,
    /// End.
    pub ended_at: Timestamp,
    /// Exit code, 255 when unknown.
    pub exit_code: i32,
    /// When it ran.
    pub stage: ScriptStage,
    /// How it ended.
    pub status: ScriptStatus,
    /// The last lines of one that failed.
    pub last_lines: String,
}

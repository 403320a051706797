//! Log lines and timings of a job.

use chrono::{DateTime, Utc};
use coder_core::provisioner_job::{LogLevel, LogSource};
use serde::{Deserialize, Serialize};

/// A log line as a provisioner writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Severity.
    pub level: LogLevel,
    /// The stage this line belongs to, when it is not the job's current one.
    pub stage: Option<String>,
    /// Text without a line break.
    pub output: String,
}

impl Log {
    /// A line of the job's current stage.
    pub fn new(level: LogLevel, output: impl Into<String>) -> Self {
        Self {
            level,
            stage: None,
            output: output.into(),
        }
    }

    /// The same line, in a stage of its own.
    #[must_use]
    pub fn in_stage(mut self, stage: &str) -> Self {
        self.stage = Some(stage.to_owned());
        self
    }
}

/// A log line of a job as the server stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLog {
    /// When the line was written.
    pub created_at: DateTime<Utc>,
    /// Who wrote it.
    pub source: LogSource,
    /// Severity.
    pub level: LogLevel,
    /// Stage of the job, one of [`stage`] for our own provisioners.
    pub stage: String,
    /// Text without a line break, at most [`super::MAX_LOG_LINE_BYTES`].
    pub output: String,
}

/// The stages of a job as users see them.
pub mod stage {
    use coder_core::workspace_build::WorkspaceTransition;

    /// Preparing the work directory.
    pub const SETTING_UP: &str = "Setting up";
    /// `terraform init`.
    pub const INITIALIZING: &str = "Initializing Terraform Directory";
    /// Reading the template's variables.
    pub const PARSING: &str = "Parsing template parameters";
    /// Plan of an import for a running workspace.
    pub const DETECTING_PERSISTENT: &str = "Detecting persistent resources";
    /// Plan of an import for a stopped workspace.
    pub const DETECTING_EPHEMERAL: &str = "Detecting ephemeral resources";
    /// Plan of a build or a dry run.
    pub const PLANNING: &str = "Planning Infrastructure";
    /// Reading the resource graph.
    pub const GRAPHING: &str = "Graphing Infrastructure";
    /// Removing the work directory.
    pub const CLEANING_UP: &str = "Cleaning Up";

    /// The stage in which a transition is applied.
    #[must_use]
    pub fn applying(transition: WorkspaceTransition) -> &'static str {
        match transition {
            WorkspaceTransition::Start => "Starting workspace",
            WorkspaceTransition::Stop => "Stopping workspace",
            WorkspaceTransition::Delete => "Destroying workspace",
        }
    }
}

/// The part of a job a timing belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimingStage {
    /// Providers and modules.
    Init,
    /// Planning.
    Plan,
    /// Reading the graph.
    Graph,
    /// Applying.
    Apply,
}

impl TimingStage {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Plan => "plan",
            Self::Graph => "graph",
            Self::Apply => "apply",
        }
    }
}

/// How a timed step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimingState {
    /// Still running when the job ended.
    Started,
    /// Ended well.
    Completed,
    /// Ended in an error.
    Failed,
}

/// How long one step on one resource took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Begin of the step.
    pub start: DateTime<Utc>,
    /// End of the step.
    pub end: DateTime<Utc>,
    /// What was done: `create`, `read`, `delete`, …
    pub action: String,
    /// Who did it, such as a provider's name.
    pub source: String,
    /// On what: a resource address.
    pub resource: String,
    /// Part of the job.
    pub stage: TimingStage,
    /// How it ended.
    pub state: TimingState,
}

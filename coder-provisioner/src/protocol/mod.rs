//! Messages between the server, the provisioner daemon and a provisioner.
//!
//! Everything here is plain data with serde: the same values pass in process and over a connection
//! ([`remote`](crate::remote)). Bytes (archives, state) are base64 text in JSON, unless they travel
//! beside it.
//!
//! A job goes like this:
//!
//! ```text
//! daemon                                   server
//!   acquire_job()            ->            claims the oldest fitting job under a lease
//!   AcquiredJob              <-
//!   UpdateJob (<= 5 s apart) ->            stores logs, state snapshots, template variables
//!   UpdateJobResponse        <-            says whether the job was cancelled
//!   CompletedJob | FailedJob ->            closes the job; refused when the lease is not current
//! ```
//!
//! Secrets (session tokens, agent tokens, keys) are [`Secret`](coder_core::secret::Secret), whose
//! `Debug` does not show them. Words that the whole platform shares, such as
//! [`WorkspaceTransition`](coder_core::workspace_build::WorkspaceTransition), are `coder_core`'s.

mod agent_part;
mod bytes_base64;
mod daemon;
mod kinds;
mod limits;
mod log;
mod metadata;
mod parameter;
mod resource;
mod session;

pub use agent_part::{AiTask, Devcontainer, MemoryMonitor, ResourcesMonitoring, VolumeMonitor};
pub use coder_core::template_version::ExternalAuthProvider;
pub use daemon::{
    AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, JobKind, ReleasedJob, TemplateDryRun,
    TemplateImport, TemplateImportResult, UpdateJob, UpdateJobResponse, WorkspaceBuild,
    WorkspaceBuildResult,
};
pub use kinds::{ProvisionerLogLevel, terraform_transition};
pub use limits::{
    MAX_ARCHIVE_BYTES, MAX_JOB_LOG_BYTES, MAX_JOB_LOG_LINES, MAX_LOG_BATCH_LINES,
    MAX_LOG_LINE_BYTES, MAX_MODULE_FILES_BYTES, MAX_README_BYTES, MAX_RESOURCES, MAX_STATE_BYTES,
    PROTOCOL_VERSION,
};
pub use log::{JobLog, Log, Timing, TimingStage, TimingState, stage};
pub use metadata::{ExternalAuthToken, Metadata, RbacRole};
pub use parameter::{Preset, PresetParameter, TemplateVariable};
pub use resource::{
    Agent, AgentAuth, AgentMetadata, App, DisplayApps, Env, EnvMergeStrategy, Healthcheck,
    MAX_ENV_VALUE_BYTES, Resource, ResourceMetadata, Script,
};
pub use session::{
    ApplyComplete, ApplyFailed, ApplyRequest, Config, ParseComplete, PlanComplete, PlanHandle,
    PlanRequest,
};

//! Builds: one transition of a workspace each.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{
        ProvisionerJobId, TemplateVersionId, TemplateVersionPresetId, UserId, WorkspaceBuildId,
        WorkspaceId,
    },
    provisioner_job::JobStatus,
};

/// Largest Terraform state, in bytes; large templates have states of a few MiB.
pub const MAX_STATE_BYTES: usize = 64 * 1024 * 1024;

string_enum! {
    /// Where a build takes the workspace.
    pub enum WorkspaceTransition {
        /// Create or start it.
        Start => "start",
        /// Destroy what is ephemeral.
        Stop => "stop",
        /// Destroy everything.
        Delete => "delete",
    }
}

string_enum! {
    /// Why a build was made.
    pub enum BuildReason {
        /// A person asked for it.
        Initiator => "initiator",
        /// The start schedule.
        Autostart => "autostart",
        /// The stop deadline.
        Autostop => "autostop",
        /// Not used for too long.
        Dormancy => "dormancy",
        /// Asked for in the dashboard.
        Dashboard => "dashboard",
        /// Asked for on the command line.
        Cli => "cli",
        /// An SSH connection started it.
        SshConnection => "ssh_connection",
        /// VS Code started it.
        VscodeConnection => "vscode_connection",
        /// A JetBrains IDE started it.
        JetbrainsConnection => "jetbrains_connection",
    }
}

string_enum! {
    /// The state of a workspace, computed from its newest build.
    pub enum WorkspaceStatus {
        /// The job waits for a daemon.
        Pending => "pending",
        /// A start runs.
        Starting => "starting",
        /// The last start succeeded.
        Running => "running",
        /// A stop runs.
        Stopping => "stopping",
        /// The last stop succeeded.
        Stopped => "stopped",
        /// The last build failed.
        Failed => "failed",
        /// A cancel was asked for and has not taken effect.
        Canceling => "canceling",
        /// The last build was canceled.
        Canceled => "canceled",
        /// A delete runs.
        Deleting => "deleting",
        /// The last delete succeeded.
        Deleted => "deleted",
    }
}

impl WorkspaceStatus {
    /// The state that follows from the newest build's job and transition.
    #[must_use]
    pub const fn of(job: JobStatus, transition: WorkspaceTransition) -> Self {
        match (job, transition) {
            (JobStatus::Pending, _) => Self::Pending,
            (JobStatus::Running, WorkspaceTransition::Start) => Self::Starting,
            (JobStatus::Running, WorkspaceTransition::Stop) => Self::Stopping,
            (JobStatus::Running, WorkspaceTransition::Delete) => Self::Deleting,
            (JobStatus::Succeeded, WorkspaceTransition::Start) => Self::Running,
            (JobStatus::Succeeded, WorkspaceTransition::Stop) => Self::Stopped,
            (JobStatus::Succeeded, WorkspaceTransition::Delete) => Self::Deleted,
            (JobStatus::Canceling, _) => Self::Canceling,
            (JobStatus::Canceled, _) => Self::Canceled,
            (JobStatus::Failed, _) => Self::Failed,
        }
    }
}

/// A build. Its Terraform state is kept beside it and read on its own, since it can be large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceBuild {
    /// Identifier.
    pub id: WorkspaceBuildId,
    /// What it builds.
    pub workspace_id: WorkspaceId,
    /// From what.
    pub template_version_id: TemplateVersionId,
    /// The preset that was chosen for it, if one was.
    pub template_version_preset_id: Option<TemplateVersionPresetId>,
    /// 1 for the first, unique per workspace.
    pub build_number: i32,
    /// Where it leads.
    pub transition: WorkspaceTransition,
    /// Who asked for it.
    pub initiator_id: UserId,
    /// The job that runs it.
    pub job_id: ProvisionerJobId,
    /// When the workspace stops unless moved.
    pub deadline: Option<Timestamp>,
    /// When the workspace stops at the latest.
    pub max_deadline: Option<Timestamp>,
    /// Why it was made.
    pub reason: BuildReason,
    /// Sum of the resources' costs, in the smallest unit.
    pub daily_cost: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl WorkspaceBuild {
    /// Whether this build's agents are about to be ended by `next`, whose job is in the state `job`. They still
    /// speak for the workspace then: their stop scripts run and report.
    #[must_use]
    pub fn is_being_ended_by(&self, next: &Self, job: JobStatus) -> bool {
        next.transition != WorkspaceTransition::Start
            && next.build_number.checked_sub(1) == Some(self.build_number)
            && !job.is_final()
    }
}

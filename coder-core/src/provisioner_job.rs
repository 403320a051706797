//! Provisioner jobs: the queue between the server and its daemons, and the logs of what they do.

use crate::{
    Error, Timestamp,
    enums::string_enum,
    id::{
        FileId, LeaseId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, TemplateVersionId,
        UserId, WorkspaceBuildId,
    },
    parameter::ParameterValue,
    template_version::VariableValue,
};
use std::collections::BTreeMap;

/// Bytes of log text kept per job; what comes after is dropped and [`ProvisionerJob::logs_overflowed`] set.
pub const MAX_LOG_BYTES: i64 = 1_048_576;

/// Most tags of a template version or a daemon.
const MAX_TAGS: usize = 256;
/// Most bytes of a tag's name and of its value.
const MAX_TAG_BYTES: usize = 256;

/// Tags that route a job to daemons. Always holds `scope` and `owner`.
pub type Tags = BTreeMap<String, String>;

string_enum! {
    /// What executes a template.
    pub enum ProvisionerType {
        /// Scripted answers, for tests.
        Echo => "echo",
        /// Terraform.
        Terraform => "terraform",
    }
}

string_enum! {
    /// What a job is for.
    pub enum JobType {
        /// Reads a new template version.
        TemplateVersionImport => "template_version_import",
        /// Plans a version with given values and keeps nothing.
        TemplateVersionDryRun => "template_version_dry_run",
        /// Builds a workspace.
        WorkspaceBuild => "workspace_build",
    }
}

string_enum! {
    /// The state of a job, computed from its timestamps.
    pub enum JobStatus {
        /// Waits for a daemon.
        Pending => "pending",
        /// A daemon works on it.
        Running => "running",
        /// Ended well.
        Succeeded => "succeeded",
        /// A cancel was asked for and has not taken effect.
        Canceling => "canceling",
        /// Ended by a cancel.
        Canceled => "canceled",
        /// Ended by an error.
        Failed => "failed",
    }
}

impl JobStatus {
    /// The state of a job with these columns.
    #[must_use]
    pub const fn of(started: bool, canceled: bool, completed: bool, error: bool) -> Self {
        match (completed, error, canceled, started) {
            (true, true, _, _) | (false, true, _, _) => Self::Failed,
            (true, false, true, _) => Self::Canceled,
            (true, false, false, _) => Self::Succeeded,
            (false, false, true, _) => Self::Canceling,
            (false, false, false, false) => Self::Pending,
            (false, false, false, true) => Self::Running,
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Canceled | Self::Failed)
    }
}

string_enum! {
    /// A failure that clients react to without parsing text.
    pub enum JobErrorCode {
        /// A Terraform variable has neither value nor default.
        RequiredTemplateVariables => "REQUIRED_TEMPLATE_VARIABLES",
        /// A parameter has neither value nor default.
        MissingTemplateParameter => "MISSING_TEMPLATE_PARAMETER",
        /// The owner's budget does not suffice.
        InsufficientQuota => "INSUFFICIENT_QUOTA",
    }
}

string_enum! {
    /// Who wrote a line of a job's log.
    pub enum LogSource {
        /// The daemon itself.
        ProvisionerDaemon => "provisioner_daemon",
        /// What it runs.
        Provisioner => "provisioner",
    }
}

string_enum! {
    /// How much a log line matters.
    pub enum LogLevel {
        /// Finest.
        Trace => "trace",
        /// For debugging.
        Debug => "debug",
        /// Normal.
        Info => "info",
        /// Unexpected but harmless.
        Warn => "warn",
        /// A failure.
        Error => "error",
    }
}

/// What a job works on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobInput {
    /// Import of a version.
    TemplateVersionImport {
        /// The version.
        template_version_id: TemplateVersionId,
        /// Values given at push.
        user_variable_values: Vec<VariableValue>,
    },
    /// Dry run of a version.
    TemplateVersionDryRun {
        /// The version.
        template_version_id: TemplateVersionId,
        /// Name of the imagined workspace.
        workspace_name: String,
        /// Values to plan with.
        rich_parameter_values: Vec<ParameterValue>,
    },
    /// A workspace build.
    WorkspaceBuild {
        /// The build.
        workspace_build_id: WorkspaceBuildId,
        /// Whether Terraform runs with debug logs.
        debug_logs: bool,
    },
}

impl JobInput {
    /// The type of job that has this input.
    #[must_use]
    pub const fn job_type(&self) -> JobType {
        match self {
            Self::TemplateVersionImport { .. } => JobType::TemplateVersionImport,
            Self::TemplateVersionDryRun { .. } => JobType::TemplateVersionDryRun,
            Self::WorkspaceBuild { .. } => JobType::WorkspaceBuild,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerJob {
    /// Identifier.
    pub id: ProvisionerJobId,
    /// Only daemons of this organization may take it.
    pub organization_id: OrganizationId,
    /// Who asked for it.
    pub initiator_id: UserId,
    /// What must run it.
    pub provisioner: ProvisionerType,
    /// The template's archive.
    pub file_id: FileId,
    /// What it works on.
    pub input: JobInput,
    /// Which daemons fit.
    pub tags: Tags,
    /// When it was queued.
    pub created_at: Timestamp,
    /// The last sign of life of its daemon.
    pub updated_at: Timestamp,
    /// When a daemon took it.
    pub started_at: Option<Timestamp>,
    /// When a cancel was asked for.
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// The failure in one word.
    pub error_code: Option<JobErrorCode>,
    /// The daemon that has it.
    pub worker_id: Option<ProvisionerDaemonId>,
    /// The present claim; only a writer that names it may change a running job.
    pub lease: Option<LeaseId>,
    /// Bytes of log text stored.
    pub logs_length: i64,
    /// Whether log text was dropped.
    pub logs_overflowed: bool,
}

/// What a job is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Identifier.
    pub id: ProvisionerJobId,
    /// Only daemons of this organization may take it.
    pub organization_id: OrganizationId,
    /// Who asked for it.
    pub initiator_id: UserId,
    /// What must run it.
    pub provisioner: ProvisionerType,
    /// The template's archive.
    pub file_id: FileId,
    /// What it works on.
    pub input: JobInput,
    /// Which daemons fit.
    pub tags: Tags,
}

impl ProvisionerJob {
    /// A job that waits for a daemon since `now`.
    #[must_use]
    pub fn queued(new: NewJob, now: Timestamp) -> Self {
        Self {
            id: new.id,
            organization_id: new.organization_id,
            initiator_id: new.initiator_id,
            provisioner: new.provisioner,
            file_id: new.file_id,
            input: new.input,
            tags: new.tags,
            created_at: now,
            updated_at: now,
            started_at: None,
            canceled_at: None,
            completed_at: None,
            error: None,
            error_code: None,
            worker_id: None,
            lease: None,
            logs_length: 0,
            logs_overflowed: false,
        }
    }

    /// The state of this job.
    #[must_use]
    pub const fn status(&self) -> JobStatus {
        JobStatus::of(
            self.started_at.is_some(),
            self.canceled_at.is_some(),
            self.completed_at.is_some(),
            self.error.is_some(),
        )
    }
}

/// One line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JobLog {
    /// Ascending over all jobs in the order of storing.
    pub id: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub source: LogSource,
    /// How much it matters.
    pub level: LogLevel,
    /// The step it belongs to, such as `Planning Infrastructure`.
    pub stage: String,
    /// The text, without line end.
    pub output: String,
}

/// The duration of one step of a job.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JobTiming {
    /// Begin.
    pub started_at: Timestamp,
    /// End.
    pub ended_at: Timestamp,
    /// `init`, `plan`, `graph` or `apply`.
    pub stage: String,
    /// What did it, such as a Terraform provider.
    pub source: String,
    /// What was done.
    pub action: String,
    /// To which resource.
    pub resource: String,
}

/// What a list of jobs is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Any of these; all when empty.
    pub ids: Vec<ProvisionerJobId>,
    /// Any of these states; all when empty.
    pub status: Vec<JobStatus>,
    /// Holding all of these tags.
    pub tags: Tags,
    /// Asked for by this user.
    pub initiator_id: Option<UserId>,
}

/// Where a pending job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuePosition {
    /// 1 for the next one, 0 when it does not wait.
    pub position: i64,
    /// Jobs that wait.
    pub size: i64,
}

/// The tags of a job or daemon with the two that are always present.
#[must_use]
pub fn with_scope(mut tags: Tags, owner: UserId) -> Tags {
    if tags.get("scope").is_some_and(|scope| scope == "user") {
        tags.insert("owner".to_owned(), owner.to_string());
    } else {
        tags.insert("scope".to_owned(), "organization".to_owned());
        tags.insert("owner".to_owned(), String::new());
    }
    tags
}

/// Checks tags that somebody gave: at most 256, each at most 256 bytes without control characters on both sides.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check_tags(field: &str, tags: &Tags) -> Result<(), Error> {
    let wrong = |text: &String| text.len() > MAX_TAG_BYTES || text.chars().any(char::is_control);
    let mut pairs = tags.iter();
    if tags.len() > MAX_TAGS || pairs.any(|(key, value)| wrong(key) || wrong(value)) {
        return Err(Error::invalid_field(field, "must be a few short words"));
    }
    Ok(())
}

/// Whether a daemon with tags `daemon` may take a job with tags `job`: an untagged job only fits an
/// untagged daemon, otherwise the job's tags must all be among the daemon's.
#[must_use]
pub fn tags_match(job: &Tags, daemon: &Tags) -> bool {
    let untagged = job.len() == 2
        && job
            .get("scope")
            .is_some_and(|scope| scope == "organization")
        && job.get("owner").is_some_and(String::is_empty);
    if untagged {
        return job == daemon;
    }
    job.iter()
        .all(|(key, value)| daemon.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_follows_the_columns() {
        assert_eq!(
            JobStatus::of(false, false, false, false),
            JobStatus::Pending
        );
        assert_eq!(JobStatus::of(true, false, false, false), JobStatus::Running);
        assert_eq!(
            JobStatus::of(true, true, false, false),
            JobStatus::Canceling
        );
        assert_eq!(JobStatus::of(false, true, true, false), JobStatus::Canceled);
        assert_eq!(JobStatus::of(true, true, true, true), JobStatus::Failed);
        assert_eq!(
            JobStatus::of(true, false, true, false),
            JobStatus::Succeeded
        );
    }

    #[test]
    fn an_untagged_job_needs_an_untagged_daemon() {
        let owner = UserId(uuid::Uuid::nil());
        let tag = |pairs: &[(&str, &str)]| {
            let tags = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            with_scope(tags.collect(), owner)
        };
        let (plain, gpu) = (tag(&[]), tag(&[("gpu", "yes")]));
        assert!(tags_match(&plain, &plain) && !tags_match(&plain, &gpu));
        assert!(tags_match(&gpu, &gpu) && !tags_match(&gpu, &plain));
        assert!(!tags_match(&tag(&[("scope", "user")]), &plain));
    }
}

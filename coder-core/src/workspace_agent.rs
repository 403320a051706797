//! Agents: connection, lifecycle, logs and metadata.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{LogSourceId, WorkspaceAgentId, WorkspaceResourceId},
    provisioner_job::LogLevel,
    secret::TokenHash,
};
use std::collections::BTreeMap;

/// Bytes of log text kept per agent.
pub const MAX_LOG_BYTES: i64 = 1_048_576;
/// Bytes kept of one metadata value or error.
pub const MAX_METADATA_BYTES: usize = 2_048;

string_enum! {
    /// Whether an agent is there, computed from when it was seen.
    pub enum AgentStatus {
        /// Not seen yet.
        Connecting => "connecting",
        /// Seen lately.
        Connected => "connected",
        /// Seen before, not lately.
        Disconnected => "disconnected",
        /// Not seen within its connection timeout.
        Timeout => "timeout",
    }
}

string_enum! {
    /// What an agent does. A state only moves forward in this order.
    pub enum LifecycleState {
        /// Nothing yet.
        Created => "created",
        /// Start scripts run.
        Starting => "starting",
        /// A start script exceeded its timeout.
        StartTimeout => "start_timeout",
        /// A start script failed.
        StartError => "start_error",
        /// Start scripts ended well.
        Ready => "ready",
        /// Stop scripts run.
        ShuttingDown => "shutting_down",
        /// A stop script exceeded its timeout.
        ShutdownTimeout => "shutdown_timeout",
        /// A stop script failed.
        ShutdownError => "shutdown_error",
        /// Ended.
        Off => "off",
    }
}

impl LifecycleState {
    /// Whether an agent in state `self` may come from `before`.
    #[must_use]
    pub fn may_follow(self, before: Self) -> bool {
        self > before
    }

    /// Whether the start phase is over, well or not.
    #[must_use]
    pub const fn is_started(self) -> bool {
        !matches!(self, Self::Created | Self::Starting)
    }

    /// Whether the agent is going away.
    #[must_use]
    pub const fn is_shutting_down(self) -> bool {
        matches!(
            self,
            Self::ShuttingDown | Self::ShutdownTimeout | Self::ShutdownError | Self::Off
        )
    }
}

string_enum! {
    /// How a template's startup script once held up logins; kept for clients.
    pub enum StartupScriptBehavior {
        /// Logins wait.
        Blocking => "blocking",
        /// Logins do not wait.
        NonBlocking => "non-blocking",
    }
}

/// How an agent proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentAuth {
    /// By a token, of which the hash is kept.
    Token(TokenHash),
    /// By its cloud's instance id.
    InstanceId(String),
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceAgent {
    /// Identifier, fresh for each build.
    pub id: WorkspaceAgentId,
    /// The agent whose dev container it runs in.
    pub parent_id: Option<WorkspaceAgentId>,
    /// Where it runs.
    pub resource_id: WorkspaceResourceId,
    /// Unique per template.
    pub name: String,
    /// When the build made it.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// First connection.
    pub first_connected_at: Option<Timestamp>,
    /// Last sign of life.
    pub last_connected_at: Option<Timestamp>,
    /// When the connection ended.
    pub disconnected_at: Option<Timestamp>,
    /// When start scripts began.
    pub started_at: Option<Timestamp>,
    /// When the start phase ended.
    pub ready_at: Option<Timestamp>,
    /// How it proves who it is.
    pub auth: AgentAuth,
    /// `amd64`, `arm64` or `armv7`.
    pub architecture: String,
    /// `linux`, `darwin` or `windows`.
    pub operating_system: String,
    /// Variables of sessions and scripts.
    pub environment_variables: BTreeMap<String, String>,
    /// Where sessions begin, as the template has it.
    pub directory: String,
    /// The same, as the agent expanded it.
    pub expanded_directory: String,
    /// The agent's version, empty before it connects.
    pub version: String,
    /// The version of the protocol it speaks.
    pub api_version: String,
    /// Seconds until a silent new agent counts as timed out; 0 for never.
    pub connection_timeout_seconds: i32,
    /// Shown when it does not connect.
    pub troubleshooting_url: String,
    /// File shown at login.
    pub motd_file: String,
    /// What it does.
    pub lifecycle_state: LifecycleState,
    /// Bytes of log text stored.
    pub logs_length: i64,
    /// Whether log text was dropped.
    pub logs_overflowed: bool,
    /// What it is built into, such as `envbuilder`.
    pub subsystems: Vec<String>,
    /// Built-in buttons that clients show.
    pub display_apps: Vec<String>,
    /// `all` or `no_user_data`.
    pub api_key_scope: String,
    /// Position in lists, then by name.
    pub display_order: i32,
    /// See [`StartupScriptBehavior`].
    pub startup_script_behavior: StartupScriptBehavior,
    /// Agents of earlier builds are kept as deleted.
    pub deleted: bool,
}

impl WorkspaceAgent {
    /// Whether it may be given what belongs to the workspace's owner: the key for Git hosts, tokens of
    /// external logins. Only the scope `all` allows it, so that an unknown one does not.
    #[must_use]
    pub fn may_use_user_data(&self) -> bool {
        self.api_key_scope == "all"
    }
}

impl AgentStatus {
    /// The state at `now`; a connected agent silent for `inactive_after_ms` is disconnected.
    #[must_use]
    pub fn of(agent: &WorkspaceAgent, now: Timestamp, inactive_after_ms: i64) -> Self {
        let Some(seen) = agent.last_connected_at.or(agent.first_connected_at) else {
            let limit = i64::from(agent.connection_timeout_seconds);
            let waited = now - agent.created_at;
            let timed_out = limit > 0 && waited > chrono::TimeDelta::seconds(limit);
            return if timed_out {
                Self::Timeout
            } else {
                Self::Connecting
            };
        };
        let ended = agent.disconnected_at.is_some_and(|ended| ended >= seen);
        let silent = now - seen > chrono::TimeDelta::milliseconds(inactive_after_ms);
        if ended || silent {
            Self::Disconnected
        } else {
            Self::Connected
        }
    }
}

/// Why an agent is unhealthy, or `None` when it is healthy.
#[must_use]
pub fn unhealthy_reason(status: AgentStatus, lifecycle: LifecycleState) -> Option<&'static str> {
    match (status, lifecycle) {
        (AgentStatus::Connected, LifecycleState::StartError) => {
            Some("agent startup script exited with an error")
        }
        (AgentStatus::Connected, state) if state.is_shutting_down() => {
            Some("agent is shutting down")
        }
        (AgentStatus::Connected, _) => None,
        (_, LifecycleState::Off) => Some("agent is not running"),
        (AgentStatus::Connecting, _) => Some("agent has not yet connected"),
        (AgentStatus::Timeout, _) => Some("agent is taking too long to connect"),
        (AgentStatus::Disconnected, _) => Some("agent has lost connection"),
    }
}

/// A named source of agent log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentLogSource {
    /// Whose.
    pub agent_id: WorkspaceAgentId,
    /// Identifier.
    pub id: LogSourceId,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Shown name.
    pub display_name: String,
    /// URL or path of an icon.
    pub icon: String,
}

/// One line of an agent's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentLog {
    /// Ascending over all agents in the order of storing.
    pub id: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// The text, without line end.
    pub output: String,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it came from.
    pub source_id: LogSourceId,
}

/// One measured value of an agent, with its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentMetadatum {
    /// Whose.
    pub agent_id: WorkspaceAgentId,
    /// Unique per agent.
    pub key: String,
    /// Shown name.
    pub display_name: String,
    /// Prints the value.
    pub script: String,
    /// Seconds between two runs; 0 for once.
    pub interval: i64,
    /// Seconds a run may take; 0 for the interval.
    pub timeout: i64,
    /// Position in lists.
    pub display_order: i32,
    /// The newest value.
    pub value: String,
    /// Why there is none.
    pub error: String,
    /// When it was measured; `None` before the first time.
    pub collected_at: Option<Timestamp>,
}

/// A new value of one metadata key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataUpdate {
    /// Which.
    pub key: String,
    /// The value.
    pub value: String,
    /// Why there is none.
    pub error: String,
    /// When it was measured.
    pub collected_at: Timestamp,
}

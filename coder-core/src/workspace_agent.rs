//! Agents: connection, lifecycle, logs and metadata.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{AgentRunId, LogSourceId, WorkspaceAgentId, WorkspaceResourceId},
    provisioner_job::LogLevel,
    secret::TokenHash,
};
use std::collections::BTreeMap;

/// Bytes of log text kept per agent.
pub const MAX_LOG_BYTES: i64 = 1_048_576;
/// Bytes kept of one metadata value or error.
pub const MAX_METADATA_BYTES: usize = 2_048;

/// The bound on all keys of one agent's metadata together, in bytes.
pub const MAX_METADATA_KEYS_BYTES: usize = 6_144;

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
    /// The start of its scripts that its states belong to, once it has told.
    pub run_id: Option<AgentRunId>,
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
    /// `all`, or `no_user_data`: see [`may_read_user_data`](Self::may_read_user_data).
    pub api_key_scope: String,
    /// Position in lists, then by name.
    pub display_order: i32,
    /// See [`StartupScriptBehavior`].
    pub startup_script_behavior: StartupScriptBehavior,
    /// Agents of earlier builds are kept as deleted.
    pub deleted: bool,
}

/// The [scope](WorkspaceAgent::api_key_scope) of agents that are trusted with what belongs to the owner. No other one is,
/// so that an unknown one is not.
const ALL: &str = "all";

impl WorkspaceAgent {
    /// Whether the agent may fetch what belongs to the workspace's owner beside the workspace: tokens of external logins
    /// and the Git SSH key.
    #[must_use]
    pub fn may_read_user_data(&self) -> bool {
        self.api_key_scope == ALL
    }

    /// Takes note that the agent speaks of this start of its scripts. With another one than before, because its
    /// machine was started anew, its states begin anew.
    pub fn speaks_of(&mut self, run: AgentRunId) {
        if self.run_id.is_some_and(|before| before != run) {
            self.lifecycle_state = LifecycleState::Created;
            self.started_at = None;
            self.ready_at = None;
        }
        self.run_id = Some(run);
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

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(1_790_000_000_000 + millisecond).unwrap()
    }

    fn agent() -> WorkspaceAgent {
        WorkspaceAgent {
            id: WorkspaceAgentId(Uuid::nil()),
            parent_id: None,
            resource_id: WorkspaceResourceId(Uuid::nil()),
            name: "main".to_owned(),
            created_at: at(0),
            updated_at: at(0),
            first_connected_at: None,
            last_connected_at: None,
            disconnected_at: None,
            started_at: None,
            ready_at: None,
            auth: AgentAuth::InstanceId(String::new()),
            architecture: String::new(),
            operating_system: String::new(),
            environment_variables: BTreeMap::new(),
            directory: String::new(),
            expanded_directory: String::new(),
            version: String::new(),
            api_version: String::new(),
            connection_timeout_seconds: 120,
            troubleshooting_url: String::new(),
            motd_file: String::new(),
            run_id: None,
            lifecycle_state: LifecycleState::Created,
            logs_length: 0,
            logs_overflowed: false,
            subsystems: Vec::new(),
            display_apps: Vec::new(),
            api_key_scope: "all".to_owned(),
            display_order: 0,
            startup_script_behavior: StartupScriptBehavior::NonBlocking,
            deleted: false,
        }
    }

    fn status(agent: &WorkspaceAgent, now: i64) -> &'static str {
        AgentStatus::of(agent, at(now), 30_000).as_str()
    }

    #[test]
    fn an_agent_that_never_came_times_out() {
        let new = agent();
        assert_eq!(status(&new, 0), "connecting");
        assert_eq!(status(&new, 120_000), "connecting");
        assert_eq!(status(&new, 120_001), "timeout");
        let patient = WorkspaceAgent {
            connection_timeout_seconds: 0,
            ..agent()
        };
        assert_eq!(status(&patient, 1_000_000_000), "connecting");
        // Late is not never.
        let late = WorkspaceAgent {
            first_connected_at: Some(at(500_000)),
            last_connected_at: Some(at(500_000)),
            ..agent()
        };
        assert_eq!(status(&late, 500_001), "connected");
    }

    #[test]
    fn silence_and_farewells_are_disconnection() {
        let mut agent = WorkspaceAgent {
            first_connected_at: Some(at(0)),
            last_connected_at: Some(at(15_000)),
            ..agent()
        };
        assert_eq!(status(&agent, 45_000), "connected");
        assert_eq!(status(&agent, 45_001), "disconnected");
        // The farewell of an earlier connection.
        agent.disconnected_at = Some(at(14_999));
        assert_eq!(status(&agent, 16_000), "connected");
        agent.disconnected_at = Some(at(15_000));
        assert_eq!(status(&agent, 15_000), "disconnected");
        // A clock that was set back does not hide a sign of life.
        agent.disconnected_at = None;
        assert_eq!(status(&agent, -1), "connected");
    }

    #[test]
    fn states_of_another_start_begin_anew() {
        let (one, two) = (
            AgentRunId(Uuid::from_u128(1)),
            AgentRunId(Uuid::from_u128(2)),
        );
        let mut agent = WorkspaceAgent {
            lifecycle_state: LifecycleState::Ready,
            ready_at: Some(at(5)),
            ..agent()
        };
        agent.speaks_of(one);
        agent.speaks_of(one);
        assert_eq!(agent.lifecycle_state, LifecycleState::Ready);
        agent.speaks_of(two);
        assert_eq!(agent.lifecycle_state, LifecycleState::Created);
        assert_eq!((agent.run_id, agent.ready_at), (Some(two), None));
    }
}

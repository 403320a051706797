use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `POST report-lifecycle`: the agent reached a state.
///
/// Reports arrive in order and only move forward; the server ignores one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleReport {
    /// The state reached.
    pub state: LifecycleState,
    /// When it was reached, which may be long before the report while the agent was offline.
    pub changed_at: DateTime<Utc>,
}

/// Where an agent is in its life. The order of the variants is the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleState {
    /// Known to the server, never heard of.
    Created,
    /// The first manifest arrived, start scripts run.
    Starting,
    /// A start script exceeded its timeout.
    StartTimeout,
    /// A start script failed.
    StartError,
    /// All start scripts succeeded.
    Ready,
    /// The agent was told to end, stop scripts run.
    ShuttingDown,
    /// A stop script exceeded its timeout.
    ShutdownTimeout,
    /// A stop script failed.
    ShutdownError,
    /// All stop scripts succeeded.
    Off,
}

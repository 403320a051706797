use coder_core::Timestamp;
use coder_core::workspace_agent::LifecycleState;
use serde::{Deserialize, Serialize};

/// `POST report-lifecycle`: the agent reached a state.
///
/// Reports arrive in order and only move forward; the server ignores one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleReport {
    /// The state reached.
    pub state: LifecycleState,
    /// When it was reached, which may be long before the report while the agent was offline.
    pub changed_at: Timestamp,
}

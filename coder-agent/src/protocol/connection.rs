use std::net::IpAddr;

use coder_core::Timestamp;
use coder_core::connection_log::ConnectionType;
use coder_core::id::ConnectionId;
use serde::{Deserialize, Serialize};

/// `POST report-connection`: somebody connected to the workspace, or is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportConnection {
    /// Chosen by the agent, the same at the begin and at the end of a connection.
    pub id: ConnectionId,
    /// What happened.
    pub action: ConnectionAction,
    /// What the connection is for.
    #[serde(rename = "type")]
    pub kind: ConnectionType,
    /// When it happened, which may be long before the report while the agent was offline.
    pub timestamp: Timestamp,
    /// From where the connection came, if the agent knows.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// At the end, the exit code of what ran in it, if there is one.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// At the end, why it ended; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionAction {
    /// It began.
    Connect,
    /// It ended.
    Disconnect,
}

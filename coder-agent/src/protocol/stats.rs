use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `POST report-stats`: use of the workspace since the last report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Open connections by protocol.
    pub connections_by_proto: BTreeMap<String, i64>,
    /// All open connections.
    pub connection_count: i64,
    /// Median round trip in milliseconds; −1 when nothing was measured.
    pub connection_median_latency_ms: f64,
    /// Packets received by the workspace since the last report.
    pub rx_packets: i64,
    /// Bytes received by the workspace since the last report.
    pub rx_bytes: i64,
    /// Packets sent by the workspace since the last report.
    pub tx_packets: i64,
    /// Bytes sent by the workspace since the last report.
    pub tx_bytes: i64,
    /// Open sessions of VS Code.
    pub session_count_vscode: i64,
    /// Open sessions of JetBrains IDEs.
    pub session_count_jetbrains: i64,
    /// Open web terminals.
    pub session_count_reconnecting_pty: i64,
    /// Open plain SSH sessions.
    pub session_count_ssh: i64,
}

/// The answer to [`Stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsResponse {
    /// Seconds until the next report; servers say 30 unless configured otherwise.
    pub report_interval: u64,
}

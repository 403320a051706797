//! Tells the server how much the workspace is used.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::services::Services;
use crate::AgentApi;
use crate::protocol::Stats;

/// Until the server has told how often it wants to know.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// No server may want to know more often or less often than this.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60 * 60));

/// Reports for ever.
pub(super) async fn report(api: &dyn AgentApi, services: &Services) {
    let mut wait = DEFAULT_INTERVAL;
    loop {
        sleep(wait).await;
        match api.report_stats(stats(services)).await {
            Ok(answer) => {
                let (least, most) = INTERVALS;
                wait = Duration::from_secs(answer.report_interval).clamp(least, most);
            }
            Err(error) => tracing::debug!(%error, "stats were not taken"),
        }
    }
}

fn stats(services: &Services) -> Stats {
    let (ssh, forwards) = (services.ssh_sessions.get(), services.forwards.get());
    let terminals = services.terminals().session_count();
    let connections = ssh + terminals + forwards;
    Stats {
        connections_by_proto: BTreeMap::from([("TCP".to_owned(), connections)]),
        connection_count: connections,
        // The tunnel is pinged by the server, which knows the round trip better.
        connection_median_latency_ms: -1.0,
        session_count_ssh: ssh,
        session_count_reconnecting_pty: terminals,
        ..Stats::default()
    }
}

//! Tells the server how much the workspace is used.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::services::Services;
use crate::AgentApi;
use crate::protocol::{ConnectionType, Stats};
use crate::ssh::SessionType;
use crate::traffic::Moved;

/// Until the server has told how often it wants to know.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// No server may want to know more often or less often than this.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60 * 60));

/// Reports for ever, first at once: the answer says how often.
pub(super) async fn report(api: &dyn AgentApi, services: &Services) {
    let mut wait = DEFAULT_INTERVAL;
    let mut told = Moved::default();
    loop {
        let now = services.moved();
        let Moved { received, sent } = now - told;
        let stats = Stats {
            rx_packets: amount(received.packets),
            rx_bytes: amount(received.bytes),
            tx_packets: amount(sent.packets),
            tx_bytes: amount(sent.bytes),
            ..stats(services)
        };
        match api.report_stats(stats).await {
            Ok(answer) => {
                told = now;
                let (least, most) = INTERVALS;
                wait = Duration::from_secs(answer.report_interval).clamp(least, most);
            }
            // Told again with the next ones.
            Err(error) => tracing::debug!(%error, "stats were not taken"),
        }
        sleep(wait).await;
    }
}

/// As the protocol has it: signed.
fn amount(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn stats(services: &Services) -> Stats {
    let open = |kind| services.connections.count(kind);
    let (ssh, terminals) = (
        open(ConnectionType::Ssh),
        open(ConnectionType::ReconnectingPty),
    );
    let all = ssh + terminals + services.forwards.get();
    // What a client is shows only after it has connected.
    let clients = services.ssh().statistics().connections;
    let known = |kind| amount(clients.get(&kind).copied().unwrap_or_default());
    let (vscode, jetbrains) = (known(SessionType::VsCode), known(SessionType::JetBrains));
    Stats {
        connections_by_proto: BTreeMap::from([("TCP".to_owned(), all)]),
        connection_count: all,
        // The tunnel is pinged by the server, which knows the round trip better.
        connection_median_latency_ms: -1.0,
        session_count_vscode: vscode,
        session_count_jetbrains: jetbrains,
        session_count_reconnecting_pty: terminals,
        session_count_ssh: (ssh - vscode - jetbrains).max(0),
        ..Stats::default()
    }
}

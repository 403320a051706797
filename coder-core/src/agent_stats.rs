//! How much workspaces are used.

use crate::{
    Timestamp,
    id::{TemplateId, UserId, WorkspaceAgentId, WorkspaceId},
};
use std::collections::BTreeMap;

/// Bytes in 30 seconds below which a workspace is not in use: an idle SSH connection that both sides keep alive every
/// 15 seconds moves some 200.
const IDLE_BYTES_IN_30_SECONDS: i64 = 1_024;

/// Most protocols that are told apart.
const MAX_PROTOCOLS: usize = 16;

/// More sessions than any workspace has.
const MAX_COUNT: i64 = 100_000;

/// How many sessions of each kind are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// VS Code.
    pub vscode: i64,
    /// JetBrains IDEs.
    pub jetbrains: i64,
    /// Web terminals.
    pub reconnecting_pty: i64,
    /// Plain SSH.
    pub ssh: i64,
}

/// The use of a workspace through one agent since the report before.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentStats {
    /// When it was reported.
    pub created_at: Timestamp,
    /// By whom.
    pub agent_id: WorkspaceAgentId,
    /// Of which workspace.
    pub workspace_id: WorkspaceId,
    /// Whose workspace.
    pub user_id: UserId,
    /// Of which template.
    pub template_id: TemplateId,
    /// Open connections by protocol, such as `TCP`.
    pub connections_by_proto: BTreeMap<String, i64>,
    /// All open connections.
    pub connection_count: i64,
    /// Median round trip in milliseconds; `None` when nothing was measured.
    pub connection_median_latency_ms: Option<f64>,
    /// Packets that the workspace received.
    pub rx_packets: i64,
    /// Bytes that the workspace received.
    pub rx_bytes: i64,
    /// Packets that the workspace sent.
    pub tx_packets: i64,
    /// Bytes that the workspace sent.
    pub tx_bytes: i64,
    /// Open sessions.
    pub sessions: SessionCounts,
}

impl SessionCounts {
    /// All together.
    #[must_use]
    pub fn total(&self) -> i64 {
        let Self {
            vscode,
            jetbrains,
            reconnecting_pty,
            ssh,
        } = *self;
        [vscode, jetbrains, reconnecting_pty, ssh]
            .into_iter()
            .fold(0, i64::saturating_add)
    }
}

impl AgentStats {
    /// The same without what no workspace can have: an agent may say anything.
    #[must_use]
    pub fn plausible(mut self) -> Self {
        let count = |count: i64| count.clamp(0, MAX_COUNT);
        let good = |name: &String| {
            name.len() <= 16 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        self.connections_by_proto = self
            .connections_by_proto
            .into_iter()
            .filter(|(name, _)| good(name))
            .take(MAX_PROTOCOLS)
            .map(|(name, value)| (name, count(value)))
            .collect();
        self.connection_count = count(self.connection_count);
        self.connection_median_latency_ms = self
            .connection_median_latency_ms
            .filter(|latency| (0.0..86_400_000.0).contains(latency));
        for amount in [
            &mut self.rx_packets,
            &mut self.rx_bytes,
            &mut self.tx_packets,
            &mut self.tx_bytes,
        ] {
            *amount = (*amount).max(0);
        }
        let sessions = &mut self.sessions;
        for number in [
            &mut sessions.vscode,
            &mut sessions.jetbrains,
            &mut sessions.reconnecting_pty,
            &mut sessions.ssh,
        ] {
            *number = count(*number);
        }
        self
    }

    /// Whether anything is open or was moved; what is not is not worth keeping.
    #[must_use]
    pub fn is_anything(&self) -> bool {
        let moved = self.rx_bytes.saturating_add(self.tx_bytes);
        self.connection_count > 0 || self.sessions.total() > 0 || moved > 0
    }

    /// Whether somebody used the workspace in the `seconds` that the report is of: bytes were moved, more than idle
    /// connections need to stay open. An agent that `counts_bytes` not is believed when it has an open session.
    #[must_use]
    pub fn is_use(&self, seconds: i64, counts_bytes: bool) -> bool {
        if !counts_bytes {
            return self.sessions.total() > 0;
        }
        let moved = self.rx_bytes.saturating_add(self.tx_bytes);
        let idle = IDLE_BYTES_IN_30_SECONDS.saturating_mul(seconds.max(30)) / 30;
        moved > idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn stats() -> AgentStats {
        AgentStats {
            created_at: Timestamp::default(),
            agent_id: Uuid::nil().into(),
            workspace_id: Uuid::nil().into(),
            user_id: Uuid::nil().into(),
            template_id: Uuid::nil().into(),
            connections_by_proto: BTreeMap::new(),
            connection_count: 0,
            connection_median_latency_ms: None,
            rx_packets: 0,
            rx_bytes: 0,
            tx_packets: 0,
            tx_bytes: 0,
            sessions: SessionCounts::default(),
        }
    }

    #[test]
    fn an_open_connection_is_no_use() {
        let open = AgentStats {
            connection_count: 1,
            rx_bytes: 100,
            tx_bytes: 120,
            sessions: SessionCounts {
                ssh: 1,
                ..SessionCounts::default()
            },
            ..stats()
        };
        assert!(open.is_anything() && !open.is_use(30, true));
        assert!(open.is_use(30, false), "it cannot know better");
        let busy = AgentStats {
            tx_bytes: 5_000,
            ..stats()
        };
        assert!(busy.is_anything() && busy.is_use(30, true) && busy.is_use(1, true));
        assert!(!busy.is_use(300, true), "little for five minutes");
        assert!(!stats().is_anything());
    }

    #[test]
    fn nonsense_is_put_right() {
        let odd = AgentStats {
            connections_by_proto: [("TCP", 3), ("<b>", 1), ("a-name-that-is-too-long", 1)]
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            connection_count: i64::MIN,
            connection_median_latency_ms: Some(f64::NAN),
            rx_bytes: -1,
            tx_bytes: i64::MAX,
            sessions: SessionCounts {
                ssh: i64::MAX,
                vscode: i64::MAX,
                jetbrains: -5,
                reconnecting_pty: 2,
            },
            ..stats()
        };
        let odd = odd.plausible();
        assert_eq!(odd.connections_by_proto.len(), 1);
        assert_eq!((odd.connection_count, odd.rx_bytes), (0, 0));
        assert_eq!(odd.connection_median_latency_ms, None);
        assert_eq!(odd.sessions.total(), 2 * MAX_COUNT + 2);
        assert!(odd.is_use(30, true));
    }
}

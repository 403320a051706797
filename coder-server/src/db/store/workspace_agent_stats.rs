//! What agents reported of use.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    agent_stats::{AgentStats, SessionCounts},
    store::{StoreResult, WorkspaceAgentStatsStore},
};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::db::{
    convert::{FromRow, from_json, to_json},
    entity::workspace_agent_stat,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspace_agent_stats";

#[async_trait]
impl WorkspaceAgentStatsStore for PgTransaction {
    async fn insert(&mut self, stats: &[AgentStats]) -> StoreResult<()> {
        let rows = stats.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
        self.insert_rows(rows).await
    }

    async fn since(&mut self, since: Timestamp) -> StoreResult<Vec<AgentStats>> {
        let mut query = Query::new("SELECT * FROM workspace_agent_stats WHERE created_at >= ");
        query.bind(since).push(" ORDER BY created_at, agent_id, id");
        self.query_all(&query).await
    }

    async fn delete_before(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let mut query = Query::new(
            "DELETE FROM workspace_agent_stats WHERE id IN (\
             SELECT id FROM workspace_agent_stats WHERE created_at < ",
        );
        query.bind(before).push(" ORDER BY created_at LIMIT ");
        query.bind(i64::from(limit)).push(")");
        self.execute(&query).await
    }
}

fn row(stats: &AgentStats) -> StoreResult<workspace_agent_stat::ActiveModel> {
    Ok(workspace_agent_stat::ActiveModel {
        id: NotSet,
        created_at: Set(stats.created_at),
        agent_id: Set(stats.agent_id.0),
        workspace_id: Set(stats.workspace_id.0),
        user_id: Set(stats.user_id.0),
        template_id: Set(stats.template_id.0),
        connections_by_proto: Set(to_json(&stats.connections_by_proto)?),
        connection_count: Set(stats.connection_count),
        connection_median_latency_ms: Set(stats.connection_median_latency_ms),
        rx_packets: Set(stats.rx_packets),
        rx_bytes: Set(stats.rx_bytes),
        tx_packets: Set(stats.tx_packets),
        tx_bytes: Set(stats.tx_bytes),
        session_count_vscode: Set(stats.sessions.vscode),
        session_count_jetbrains: Set(stats.sessions.jetbrains),
        session_count_reconnecting_pty: Set(stats.sessions.reconnecting_pty),
        session_count_ssh: Set(stats.sessions.ssh),
    })
}

impl FromRow for AgentStats {
    type Row = workspace_agent_stat::Model;

    fn from_row(row: workspace_agent_stat::Model) -> StoreResult<Self> {
        Ok(Self {
            created_at: row.created_at,
            agent_id: row.agent_id.into(),
            workspace_id: row.workspace_id.into(),
            user_id: row.user_id.into(),
            template_id: row.template_id.into(),
            connections_by_proto: from_json(TABLE, row.connections_by_proto)?,
            connection_count: row.connection_count,
            connection_median_latency_ms: row.connection_median_latency_ms,
            rx_packets: row.rx_packets,
            rx_bytes: row.rx_bytes,
            tx_packets: row.tx_packets,
            tx_bytes: row.tx_bytes,
            sessions: SessionCounts {
                vscode: row.session_count_vscode,
                jetbrains: row.session_count_jetbrains,
                reconnecting_pty: row.session_count_reconnecting_pty,
                ssh: row.session_count_ssh,
            },
        })
    }
}

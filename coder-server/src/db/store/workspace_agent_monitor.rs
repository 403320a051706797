//! Monitors of agents' memory and volumes.

use coder_core::{id::WorkspaceAgentId, resource_monitor::ResourceMonitor, store::StoreResult};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::db::{
    convert::{FromRow, word},
    entity::workspace_agent_resource_monitor,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspace_agent_resource_monitors";

pub(super) async fn insert(
    transaction: &PgTransaction,
    monitors: &[ResourceMonitor],
) -> StoreResult<()> {
    let rows = monitors
        .iter()
        .map(|monitor| workspace_agent_resource_monitor::ActiveModel {
            id: NotSet,
            agent_id: Set(monitor.agent_id.0),
            volume: Set(volume(monitor).to_owned()),
            enabled: Set(monitor.enabled),
            threshold: Set(monitor.threshold),
            state: Set(monitor.state.to_string()),
            debounced_until: Set(monitor.debounced_until),
            created_at: Set(monitor.created_at),
            updated_at: Set(monitor.updated_at),
        });
    transaction.insert_rows(rows.collect()).await
}

pub(super) async fn of_agent(
    transaction: &PgTransaction,
    agent: WorkspaceAgentId,
) -> StoreResult<Vec<ResourceMonitor>> {
    let mut query = Query::new("SELECT * FROM workspace_agent_resource_monitors WHERE agent_id = ");
    query.bind(agent.0).push(" ORDER BY volume COLLATE \"C\"");
    transaction.query_all(&query).await
}

pub(super) async fn set(transaction: &PgTransaction, monitor: &ResourceMonitor) -> StoreResult<()> {
    let mut query = Query::new("UPDATE workspace_agent_resource_monitors SET state = ");
    query.bind(monitor.state.as_str());
    query
        .push(", debounced_until = ")
        .bind(monitor.debounced_until);
    query.push(", updated_at = ").bind(monitor.updated_at);
    query.push(" WHERE agent_id = ").bind(monitor.agent_id.0);
    query.push(" AND volume = ").bind(volume(monitor));
    transaction.execute(&query).await.map(|_| ())
}

/// The memory has an empty one.
fn volume(monitor: &ResourceMonitor) -> &str {
    monitor.volume.as_deref().unwrap_or_default()
}

impl FromRow for ResourceMonitor {
    type Row = workspace_agent_resource_monitor::Model;

    fn from_row(row: workspace_agent_resource_monitor::Model) -> StoreResult<Self> {
        Ok(Self {
            agent_id: row.agent_id.into(),
            volume: Some(row.volume).filter(|volume| !volume.is_empty()),
            enabled: row.enabled,
            threshold: row.threshold,
            state: word(TABLE, &row.state)?,
            debounced_until: row.debounced_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

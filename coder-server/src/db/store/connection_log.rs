//! Who was connected to workspaces.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    connection_log::{ConnectionLog, ConnectionLogFilter, ConnectionLogStatus},
    store::{ConnectionLogStore, Page, StoreResult},
};

use crate::db::{
    convert::{FromRow, corrupt, word},
    entity::connection_log,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "connection_logs";

#[async_trait]
impl ConnectionLogStore for PgTransaction {
    async fn upsert(&mut self, log: &ConnectionLog) -> StoreResult<()> {
        let mut query = Query::new(
            "INSERT INTO connection_logs (id, connect_time, organization_id, workspace_owner_id, \
             workspace_id, workspace_name, agent_name, ip, kind, connection_id, disconnect_time, \
             disconnect_reason, exit_code) VALUES (",
        );
        query.bind(log.id.0).push(", ").bind(log.connect_time);
        query.push(", ").bind(log.organization_id.0);
        query.push(", ").bind(log.workspace_owner_id.0);
        query.push(", ").bind(log.workspace_id.0);
        query.push(", ").bind(log.workspace_name.as_str());
        query.push(", ").bind(log.agent_name.as_str());
        query.push(", ").bind(log.ip.map(|ip| ip.to_string()));
        query.push(", ").bind(log.kind.as_str());
        query.push(", ").bind(log.connection_id.0);
        query.push(", ").bind(log.disconnect_time);
        query.push(", ").bind(log.disconnect_reason.as_str());
        query.push(", ").bind(log.exit_code);
        query.push(
            ") ON CONFLICT (connection_id, workspace_id, agent_name) DO UPDATE SET \
             disconnect_time = excluded.disconnect_time, \
             disconnect_reason = excluded.disconnect_reason, exit_code = excluded.exit_code \
             WHERE connection_logs.disconnect_time IS NULL",
        );
        self.execute(&query).await.map(|_| ())
    }

    async fn list(
        &mut self,
        filter: &ConnectionLogFilter,
        page: Page,
    ) -> StoreResult<(Vec<ConnectionLog>, u64)> {
        let rest = matching(filter);
        let count = self
            .query_count(&rest.with_prefix("SELECT count(*)"))
            .await?;
        let mut query = rest.with_prefix("SELECT l.*");
        query
            .push(" ORDER BY l.connect_time DESC, l.id DESC")
            .page(page);
        Ok((self.query_all(&query).await?, count))
    }

    async fn delete_before(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let mut query = Query::new(
            "DELETE FROM connection_logs WHERE id IN (\
             SELECT id FROM connection_logs WHERE connect_time < ",
        );
        query.bind(before).push(" ORDER BY connect_time LIMIT ");
        query.bind(i64::from(limit)).push(")");
        self.execute(&query).await
    }
}

/// From where, and which.
fn matching(filter: &ConnectionLogFilter) -> Query {
    let mut query = Query::new(" FROM connection_logs l WHERE true");
    if let Some(id) = filter.organization_id {
        query.push(" AND l.organization_id = ").bind(id.0);
    }
    if let Some(id) = filter.workspace_owner_id {
        query.push(" AND l.workspace_owner_id = ").bind(id.0);
    }
    if let Some(name) = &filter.workspace_owner {
        query
            .push(" AND EXISTS (SELECT FROM users u WHERE u.id = l.workspace_owner_id AND lower(u.username) = ")
            .bind(name.to_lowercase())
            .push(")");
    }
    if let Some(id) = filter.workspace_id {
        query.push(" AND l.workspace_id = ").bind(id.0);
    }
    if let Some(name) = &filter.workspace_name {
        query
            .push(" AND lower(l.workspace_name) = ")
            .bind(name.to_lowercase());
    }
    if let Some(id) = filter.connection_id {
        query.push(" AND l.connection_id = ").bind(id.0);
    }
    if let Some(kind) = filter.kind {
        query.push(" AND l.kind = ").bind(kind.as_str());
    }
    match filter.status {
        Some(ConnectionLogStatus::Ongoing) => query.push(" AND l.disconnect_time IS NULL"),
        Some(ConnectionLogStatus::Completed) => query.push(" AND l.disconnect_time IS NOT NULL"),
        None => &mut query,
    };
    if let Some(after) = filter.connected_after {
        query.push(" AND l.connect_time > ").bind(after);
    }
    if let Some(before) = filter.connected_before {
        query.push(" AND l.connect_time < ").bind(before);
    }
    query
}

impl FromRow for ConnectionLog {
    type Row = connection_log::Model;

    fn from_row(row: connection_log::Model) -> StoreResult<Self> {
        let ip = row.ip.map(|ip| ip.parse()).transpose();
        Ok(Self {
            id: row.id.into(),
            connect_time: row.connect_time,
            organization_id: row.organization_id.into(),
            workspace_owner_id: row.workspace_owner_id.into(),
            workspace_id: row.workspace_id.into(),
            workspace_name: row.workspace_name,
            agent_name: row.agent_name,
            ip: ip.map_err(|error| corrupt(TABLE, error))?,
            kind: word(TABLE, &row.kind)?,
            connection_id: row.connection_id.into(),
            disconnect_time: row.disconnect_time,
            disconnect_reason: row.disconnect_reason,
            exit_code: row.exit_code,
        })
    }
}

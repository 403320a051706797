use super::{MemoryTransaction, data::Data, text};
use crate::{
    Timestamp,
    connection_log::{ConnectionLog, ConnectionLogFilter, ConnectionLogStatus},
    store::{ConnectionLogStore, Page, StoreResult},
};
use async_trait::async_trait;
use std::cmp::Reverse;

#[async_trait]
impl ConnectionLogStore for MemoryTransaction {
    async fn upsert(&mut self, log: &ConnectionLog) -> StoreResult<()> {
        text::check([
            ("workspace_name", log.workspace_name.as_str()),
            ("agent_name", &log.agent_name),
            ("disconnect_reason", &log.disconnect_reason),
        ])?;
        let key =
            |row: &ConnectionLog| (row.connection_id, row.workspace_id, row.agent_name.clone());
        let rows = &mut self.data.connection_logs;
        let known = rows.find(|row| key(row) == key(log)).map(|row| row.id);
        let Some(known) = known else {
            return rows.insert("connection_logs_pkey", log.id, log.clone());
        };
        if let Some(row) = rows.update(&known)
            && row.disconnect_time.is_none()
        {
            row.disconnect_time = log.disconnect_time;
            row.disconnect_reason.clone_from(&log.disconnect_reason);
            row.exit_code = log.exit_code;
        }
        Ok(())
    }

    async fn list(
        &mut self,
        filter: &ConnectionLogFilter,
        page: Page,
    ) -> StoreResult<(Vec<ConnectionLog>, u64)> {
        let rows = self.data.connection_logs.values();
        let mut found: Vec<_> = rows.filter(|row| fits(&self.data, filter, row)).collect();
        found.sort_by_key(|row| Reverse((row.connect_time, row.id)));
        let count = found.len() as u64;
        Ok((page.apply(found.into_iter().cloned()), count))
    }

    async fn delete_before(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let rows = self.data.connection_logs.values();
        let old = rows
            .filter(|row| row.connect_time < before)
            .map(|row| row.id);
        let old: Vec<_> = old
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        old.iter()
            .for_each(|id| self.data.connection_logs.remove(id));
        Ok(old.len() as u64)
    }
}

fn fits(data: &Data, filter: &ConnectionLogFilter, row: &ConnectionLog) -> bool {
    fn same<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
        wanted.is_none_or(|wanted| wanted == found)
    }
    let text = |wanted: &Option<String>, found: &str| {
        let wanted = wanted.as_ref().map(|wanted| wanted.to_lowercase());
        same(wanted.as_ref(), &found.to_lowercase())
    };
    let owner = data.users.get(&row.workspace_owner_id);
    let owner = owner.map_or("", |owner| owner.username.as_str());
    let status = match row.disconnect_time {
        Some(_) => ConnectionLogStatus::Completed,
        None => ConnectionLogStatus::Ongoing,
    };
    same(filter.organization_id.as_ref(), &row.organization_id)
        && same(filter.workspace_owner_id.as_ref(), &row.workspace_owner_id)
        && text(&filter.workspace_owner, owner)
        && same(filter.workspace_id.as_ref(), &row.workspace_id)
        && text(&filter.workspace_name, &row.workspace_name)
        && same(filter.connection_id.as_ref(), &row.connection_id)
        && same(filter.kind.as_ref(), &row.kind)
        && same(filter.status.as_ref(), &status)
        && filter
            .connected_after
            .is_none_or(|after| row.connect_time > after)
        && filter
            .connected_before
            .is_none_or(|before| row.connect_time < before)
}

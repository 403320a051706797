use super::{Page, StoreResult};
use crate::{
    Timestamp,
    connection_log::{ConnectionLog, ConnectionLogFilter},
};
use async_trait::async_trait;

/// Who was connected to workspaces, and when.
#[async_trait]
pub trait ConnectionLogStore: Send {
    /// Notes a connection. One of the same workspace and agent name with the same `connection_id` is known already:
    /// then only its end is noted, where it has none and `log` has one.
    async fn upsert(&mut self, log: &ConnectionLog) -> StoreResult<()>;
    /// A part of those that match, the newest first, and how many match.
    async fn list(
        &mut self,
        filter: &ConnectionLogFilter,
        page: Page,
    ) -> StoreResult<(Vec<ConnectionLog>, u64)>;
    /// Removes at most `limit` of those that began before `before`; answers how many.
    async fn delete_before(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}

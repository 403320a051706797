use super::{MemoryTransaction, text};
use crate::{
    Timestamp,
    agent_stats::AgentStats,
    store::{StoreResult, WorkspaceAgentStatsStore},
};
use async_trait::async_trait;

#[async_trait]
impl WorkspaceAgentStatsStore for MemoryTransaction {
    async fn insert(&mut self, stats: &[AgentStats]) -> StoreResult<()> {
        for one in stats {
            let names = one.connections_by_proto.keys();
            text::check(names.map(|name| ("connections_by_proto", name.as_str())))?;
            let number = self.data.next_log_id();
            self.data
                .agent_stats
                .put((one.created_at, one.agent_id, number), one.clone());
        }
        Ok(())
    }

    async fn since(&mut self, since: Timestamp) -> StoreResult<Vec<AgentStats>> {
        let stats = self.data.agent_stats.values();
        Ok(stats
            .filter(|row| row.created_at >= since)
            .cloned()
            .collect())
    }

    async fn delete_before(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let old = self.data.agent_stats.iter();
        let old = old
            .filter(|(_, row)| row.created_at < before)
            .map(|(key, _)| *key);
        let old: Vec<_> = old
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        old.iter().for_each(|key| self.data.agent_stats.remove(key));
        Ok(old.len() as u64)
    }
}

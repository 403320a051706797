use super::StoreResult;
use crate::{Timestamp, agent_stats::AgentStats};
use async_trait::async_trait;

/// What agents reported of the use of their workspaces.
#[async_trait]
pub trait WorkspaceAgentStatsStore: Send {
    /// Adds reports.
    async fn insert(&mut self, stats: &[AgentStats]) -> StoreResult<()>;
    /// Those made at or after `since`, by the time they were made, then by agent.
    async fn since(&mut self, since: Timestamp) -> StoreResult<Vec<AgentStats>>;
    /// Removes at most `limit` of those made before `before`; answers how many.
    async fn delete_before(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}

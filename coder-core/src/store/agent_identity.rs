use super::{AgentOwner, StoreResult};
use crate::{
    Timestamp,
    id::{WorkspaceAgentId, WorkspaceId},
    instance_identity::InstanceIdentityUse,
    secret::TokenHash,
};
use async_trait::async_trait;

/// Agents that prove who they are by their cloud's word, and the tokens that they get for it.
#[async_trait]
pub trait AgentIdentityStore: Send {
    /// The agents with this instance id of the two newest builds of each workspace, by name, then id; neither
    /// deleted ones nor those of deleted workspaces. None for the empty id.
    async fn by_instance_id(&mut self, instance_id: &str) -> StoreResult<Vec<AgentOwner>>;
    /// The workspace that used this instance id last, if it is not deleted.
    async fn holder(&mut self, instance_id: &str) -> StoreResult<Option<WorkspaceId>>;
    /// Notes a use, unless a newer document of the same instance id and agent name was used before: `false`
    /// then, and nothing changes. With `anew` one that is as old as the last is refused too. Of several at
    /// once that refuse each other one is noted.
    async fn note_use(&mut self, used: &InstanceIdentityUse, anew: bool) -> StoreResult<bool>;
    /// The agent with a token that was [inserted](Self::insert_token), deleted or not.
    async fn by_token(&mut self, token: TokenHash) -> StoreResult<Option<WorkspaceAgentId>>;
    /// Adds a token; of an agent's tokens the newest `keep` stay.
    async fn insert_token(
        &mut self,
        agent: WorkspaceAgentId,
        token: TokenHash,
        now: Timestamp,
        keep: u32,
    ) -> StoreResult<()>;
}

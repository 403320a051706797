use super::{Agents, announce, authenticate::is_current};
use crate::{
    Result, Timestamp,
    id::WorkspaceAgentId,
    service::unit::settle,
    store::{AgentOwner, Transaction},
};

/// Silence after which a connected agent counts as disconnected, milliseconds: two pings.
pub const INACTIVE_AFTER_MS: i64 = 30_000;

impl Agents {
    /// Notes that an agent connected. Answers the time noted, which names this connection in
    /// [`seen`](Self::seen) and [`disconnected`](Self::disconnected).
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn connected(&self, owner: &AgentOwner) -> Result<Timestamp> {
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            if let Some(mut agent) = tx.workspace_agents().get(owner.agent.id).await? {
                agent.first_connected_at = agent.first_connected_at.or(Some(now));
                agent.last_connected_at = Some(now);
                agent.disconnected_at = None;
                tx.workspace_agents().set_connection(&agent).await?;
                announce(tx, &owner.workspace).await?;
            }
            Ok(now)
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Notes a sign of life; call it about every 10 seconds. `None` when the connection must end: the
    /// workspace has a newer build or is deleted, or the owner's account is not in use any more.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing is known then, keep the connection.
    pub async fn seen(&self, id: WorkspaceAgentId) -> Result<Option<Timestamp>> {
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            if !is_current_id(tx, id).await? {
                return Ok(None);
            }
            if let Some(mut agent) = tx.workspace_agents().get(id).await? {
                agent.first_connected_at = agent.first_connected_at.or(Some(now));
                agent.last_connected_at = Some(now);
                agent.disconnected_at = None;
                tx.workspace_agents().set_connection(&agent).await?;
            }
            Ok(Some(now))
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Whether an agent may stay connected, without noting anything.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn may_stay(&self, id: WorkspaceAgentId) -> Result<bool> {
        let mut tx = self.deps.begin().await?;
        let current = is_current_id(tx.as_mut(), id).await;
        settle(tx, current).await
    }

    /// Notes the end of the connection that was noted last at `last`, unless a newer one was noted since.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn disconnected(&self, owner: &AgentOwner, last: Timestamp) -> Result<()> {
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            let agent = tx.workspace_agents().get(owner.agent.id).await?;
            if let Some(mut agent) = agent.filter(|agent| agent.last_connected_at <= Some(last)) {
                agent.disconnected_at = Some(now);
                tx.workspace_agents().set_connection(&agent).await?;
                announce(tx, &owner.workspace).await?;
            }
            Ok(())
        };
        let noted = noted.await;
        settle(tx, noted).await
    }
}

async fn is_current_id(tx: &mut dyn Transaction, id: WorkspaceAgentId) -> Result<bool> {
    match tx.workspace_agents().with_owner(id).await? {
        Some(owner) => is_current(tx, &owner).await,
        None => Ok(false),
    }
}

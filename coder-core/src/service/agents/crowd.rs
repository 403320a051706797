//! The same for many agents at once: what thousands of them ask for together after a server has started, and say
//! again every few seconds, takes a few statements and not a few for each.

use super::Agents;
use crate::{
    Result, Timestamp, event::Event, id::WorkspaceAgentId, secret::TokenHash,
    service::unit::settle, store::AgentOwner,
};
use std::collections::BTreeSet;

impl Agents {
    /// Those of the agents with these tokens that speak for the newest build of their workspace. For others ask
    /// [`authenticate`](Self::authenticate), which knows the exceptions.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn authenticate_many(&self, tokens: &[TokenHash]) -> Result<Vec<AgentOwner>> {
        let mut tx = self.deps.begin().await?;
        let found = tx.workspace_agents().current_by_tokens(tokens).await;
        settle(tx, found.map_err(Into::into)).await
    }

    /// As [`connected`](Self::connected) for each.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn connected_many(&self, owners: &[AgentOwner]) -> Result<Timestamp> {
        let now = self.deps.now();
        let ids: Vec<WorkspaceAgentId> = owners.iter().map(|owner| owner.agent.id).collect();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            tx.workspace_agents().set_connected(&ids, now).await?;
            let events = owners.iter().map(|owner| Event::WorkspaceUpdated {
                workspace_id: owner.workspace.id,
                owner_id: owner.workspace.owner_id,
            });
            tx.publish_all(events.collect()).await?;
            Ok(now)
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Those that are agents of the newest build of their workspace. For others ask
    /// [`may_stay`](Self::may_stay), which knows the exceptions.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing is known then, keep the connections.
    pub async fn may_stay_many(
        &self,
        ids: &[WorkspaceAgentId],
    ) -> Result<BTreeSet<WorkspaceAgentId>> {
        let mut tx = self.deps.begin().await?;
        let current = tx.workspace_agents().current(ids).await;
        let current = current.map(|ids| ids.into_iter().collect());
        settle(tx, current.map_err(Into::into)).await
    }

    /// Notes a sign of life of those that are agents of the newest build of their workspace, and answers which and
    /// when. For others ask [`seen`](Self::seen), which knows the exceptions.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing is known then, keep the connections.
    pub async fn seen_many(
        &self,
        ids: &[WorkspaceAgentId],
    ) -> Result<(BTreeSet<WorkspaceAgentId>, Timestamp)> {
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            let current = tx.workspace_agents().current(ids).await?;
            tx.workspace_agents().set_connected(&current, now).await?;
            Ok((current.into_iter().collect(), now))
        };
        let noted = noted.await;
        settle(tx, noted).await
    }
}

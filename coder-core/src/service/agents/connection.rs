use super::{Agents, announce, authenticate::speaks};
use crate::{
    Result, Timestamp,
    id::WorkspaceAgentId,
    service::unit::settle,
    store::{AgentOwner, Transaction},
};
use std::collections::{BTreeMap, BTreeSet};

/// Silence after which a connected agent counts as disconnected, milliseconds: two pings.
pub const INACTIVE_AFTER_MS: i64 = 30_000;

/// What became of agents that showed a sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it was noted.
    pub at: Timestamp,
    /// Those whose connection must end.
    pub gone: BTreeSet<WorkspaceAgentId>,
}

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

    /// Notes a sign of life of the agents in `seen`; call it for each about every 15 seconds. Those of them and of
    /// `asked` whose connection must end are told: their workspace has a newer build or is deleted, or the owner's
    /// account is not in use any more.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing is known then, keep the connections.
    pub async fn seen(
        &self,
        seen: &[WorkspaceAgentId],
        asked: &[WorkspaceAgentId],
    ) -> Result<Seen> {
        let at = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            let all = [seen, asked].concat();
            let current = current(tx, &all).await?;
            let live = seen.iter().copied().filter(|id| current.contains(id));
            let live: Vec<_> = live.collect();
            tx.workspace_agents().set_seen(&live, at).await?;
            let gone = all.into_iter().filter(|id| !current.contains(id));
            Ok(Seen {
                at,
                gone: gone.collect(),
            })
        };
        let noted = noted.await;
        settle(tx, noted).await
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

/// Those of several agents that may be connected.
async fn current(
    tx: &mut dyn Transaction,
    ids: &[WorkspaceAgentId],
) -> Result<BTreeSet<WorkspaceAgentId>> {
    let owners = tx.workspace_agents().with_owners(ids).await?;
    let people: BTreeSet<_> = owners
        .iter()
        .map(|owner| owner.workspace.owner_id)
        .collect();
    let people: Vec<_> = people.into_iter().collect();
    let people = tx.users().get_many(&people).await?;
    let people: BTreeMap<_, _> = people.into_iter().map(|user| (user.id, user)).collect();
    let workspaces: BTreeSet<_> = owners.iter().map(|owner| owner.workspace.id).collect();
    let workspaces: Vec<_> = workspaces.into_iter().collect();
    let latest = tx.workspace_builds().latest_many(&workspaces).await?;
    let latest: BTreeMap<_, _> = latest
        .into_iter()
        .map(|build| (build.workspace_id, build))
        .collect();
    let mut current = BTreeSet::new();
    for owner in owners {
        let user = people.get(&owner.workspace.owner_id);
        let latest = latest.get(&owner.workspace.id);
        // Nearly always it is the newest build itself.
        if speaks(tx, &owner, user, latest).await? {
            current.insert(owner.agent.id);
        }
    }
    Ok(current)
}

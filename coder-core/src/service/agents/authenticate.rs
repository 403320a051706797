use super::Agents;
use crate::{
    Error, ErrorKind, Result,
    script::WorkspaceAgentScript,
    secret::TokenHash,
    service::unit::settle,
    store::AgentOwner,
    user::{User, UserStatus},
    workspace_agent::AgentMetadatum,
    workspace_app::WorkspaceApp,
};

/// What an agent is told to do, beside what its own row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentManifest {
    /// Owner of the workspace.
    pub owner: User,
    /// Scripts to run.
    pub scripts: Vec<WorkspaceAgentScript>,
    /// Apps to check.
    pub apps: Vec<WorkspaceApp>,
    /// What to measure.
    pub metadata: Vec<AgentMetadatum>,
}

impl Agents {
    /// The agent that owns `token`, if it is of its workspace's newest build, and the owner's account is
    /// in use.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), the same for every cause.
    pub async fn authenticate(&self, token: &str) -> Result<AgentOwner> {
        let hash = TokenHash::of(token);
        let mut tx = self.deps.begin().await?;
        let found = async {
            let found = tx
                .workspace_agents()
                .by_token(hash)
                .await?
                .ok_or_else(refused)?;
            let user = tx.users().get(found.workspace.owner_id).await?;
            if user.is_some_and(|user| is_usable(&user)) {
                Ok(found)
            } else {
                Err(refused())
            }
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// What an agent is told to do.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn manifest(&self, owner: &AgentOwner) -> Result<AgentManifest> {
        let id = owner.agent.id;
        let mut tx = self.deps.begin().await?;
        let found = async {
            let user = tx.users().get(owner.workspace.owner_id).await?;
            Ok(AgentManifest {
                owner: user.ok_or_else(refused)?,
                scripts: tx.workspace_agents().scripts(&[id]).await?,
                apps: tx.workspace_apps().by_agents(&[id]).await?,
                metadata: tx.workspace_agents().metadata(&[id]).await?,
            })
        };
        let found = found.await;
        settle(tx, found).await
    }
}

pub(super) fn is_usable(user: &User) -> bool {
    !user.deleted && user.status != UserStatus::Suspended
}

fn refused() -> Error {
    let message = "The agent's token is not valid, or its workspace has a newer build.";
    Error::new(ErrorKind::Unauthenticated, message)
}

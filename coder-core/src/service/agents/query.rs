use super::Agents;
use crate::{
    Error, Result,
    id::WorkspaceAgentId,
    rbac::{Action, AsObject as _, Subject},
    service::{
        details::{self, AgentDetails},
        unit::settle,
    },
    store::{AgentOwner, Transaction},
    workspace::Workspace,
    workspace_agent::AgentMetadatum,
    workspace_app::WorkspaceApp,
};

impl Agents {
    /// An agent of a workspace.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), also for agents of earlier builds.
    pub async fn get(
        &self,
        subject: &Subject,
        id: WorkspaceAgentId,
    ) -> Result<(AgentDetails, Workspace)> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let owner = self.readable(tx, subject, id).await?;
            let mut details = details::agents(tx, vec![owner.agent]).await?;
            let details = details
                .pop()
                .ok_or_else(|| Error::internal("an agent got lost"))?;
            Ok((details, owner.workspace))
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// The metadata of an agent, by display order.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn metadata(
        &self,
        subject: &Subject,
        id: WorkspaceAgentId,
    ) -> Result<Vec<AgentMetadatum>> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            self.readable(tx, subject, id).await?;
            Ok(tx.workspace_agents().metadata(&[id]).await?)
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// An agent that the caller may reach by one of `actions`, if it is of the newest build.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), for agents that may only be looked at too.
    pub async fn reachable(
        &self,
        subject: &Subject,
        id: WorkspaceAgentId,
        actions: &[Action],
    ) -> Result<AgentOwner> {
        let mut tx = self.deps.begin().await?;
        let found = self.reachable_in(tx.as_mut(), subject, id, actions).await;
        settle(tx, found).await
    }

    /// The apps of an agent that the caller may reach by one of `actions`.
    ///
    /// # Errors
    /// As [`reachable`](Self::reachable).
    pub async fn reachable_apps(
        &self,
        subject: &Subject,
        id: WorkspaceAgentId,
        actions: &[Action],
    ) -> Result<Vec<WorkspaceApp>> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            self.reachable_in(tx, subject, id, actions).await?;
            Ok(tx.workspace_apps().by_agents(&[id]).await?)
        };
        let found = found.await;
        settle(tx, found).await
    }

    async fn reachable_in(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceAgentId,
        actions: &[Action],
    ) -> Result<AgentOwner> {
        let owner = tx.workspace_agents().with_owner(id).await?;
        let owner = owner.filter(|owner| !owner.workspace.deleted);
        let owner = owner.ok_or_else(Error::not_found)?;
        let object = owner.workspace.as_object();
        if !actions
            .iter()
            .any(|&action| self.deps.allows(subject, action, &object))
        {
            return Err(Error::not_found());
        }
        let latest = tx.workspace_builds().latest(owner.workspace.id).await?;
        if latest.is_none_or(|latest| latest.id != owner.build.id) {
            return Err(Error::not_found());
        }
        Ok(owner)
    }

    pub(super) async fn readable(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceAgentId,
    ) -> Result<AgentOwner> {
        let owner = tx
            .workspace_agents()
            .with_owner(id)
            .await?
            .ok_or_else(Error::not_found)?;
        self.deps
            .require(subject, Action::Read, &owner.workspace.as_object())?;
        Ok(owner)
    }
}

use super::Agents;
use crate::{
    Error, ErrorKind, Result,
    devcontainer::WorkspaceAgentDevcontainer,
    script::WorkspaceAgentScript,
    secret::TokenHash,
    service::unit::settle,
    store::{AgentOwner, Transaction},
    template_version::ExternalAuthProvider,
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
    /// Dev containers to start.
    pub devcontainers: Vec<WorkspaceAgentDevcontainer>,
    /// Logins that the template asks for whose tokens the agent may fetch.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
}

impl Agents {
    /// The agent that owns `token`, if it is of its workspace's newest build or of the one that this
    /// [is ending](crate::workspace_build::WorkspaceBuild::is_being_ended_by), and the owner's account is in
    /// use.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), the same for every cause.
    pub async fn authenticate(&self, token: &str) -> Result<AgentOwner> {
        let hash = TokenHash::of(token);
        let mut tx = self.deps.begin().await?;
        let found = async {
            let found = by_token(tx.as_mut(), hash).await?;
            let found = found.ok_or_else(refused)?;
            if is_current(tx.as_mut(), &found).await? {
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
            let version = owner.build.template_version_id;
            let mut values = tx.template_versions().terraform_values(version).await?;
            if !owner.agent.may_read_user_data() {
                values.external_auth_providers.clear();
            }
            Ok(AgentManifest {
                owner: user.ok_or_else(refused)?,
                scripts: tx.workspace_agents().scripts(&[id]).await?,
                apps: tx.workspace_apps().by_agents(&[id]).await?,
                metadata: tx.workspace_agents().metadata(&[id]).await?,
                devcontainers: tx.devcontainers().by_agents(&[id]).await?,
                external_auth_providers: values.external_auth_providers,
            })
        };
        let found = found.await;
        settle(tx, found).await
    }
}

/// The agent whose template gave it this token, or that got it for the word of its cloud.
async fn by_token(tx: &mut dyn Transaction, token: TokenHash) -> Result<Option<AgentOwner>> {
    if let Some(found) = tx.workspace_agents().by_token(token).await? {
        return Ok(Some(found));
    }
    match tx.agent_identities().by_token(token).await? {
        Some(agent) => Ok(tx.workspace_agents().with_owner(agent).await?),
        None => Ok(None),
    }
}

/// Whether an agent speaks for its workspace, whose owner's account is in use.
pub(super) async fn is_current(tx: &mut dyn Transaction, owner: &AgentOwner) -> Result<bool> {
    let user = tx.users().get(owner.workspace.owner_id).await?;
    if owner.workspace.deleted || !user.is_some_and(|user| is_usable(&user)) {
        return Ok(false);
    }
    let Some(latest) = tx.workspace_builds().latest(owner.workspace.id).await? else {
        return Ok(false);
    };
    if latest.id == owner.build.id {
        return Ok(true);
    }
    let job = tx.provisioner_jobs().get(latest.job_id).await?;
    Ok(job.is_some_and(|job| owner.build.is_being_ended_by(&latest, job.status())))
}

fn is_usable(user: &User) -> bool {
    !user.deleted && user.status != UserStatus::Suspended
}

fn refused() -> Error {
    let message = "The agent's token is not valid, or its workspace has a newer build.";
    Error::new(ErrorKind::Unauthenticated, message)
}

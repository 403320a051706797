use super::Agents;
use crate::{
    Error, ErrorKind, Result,
    git_ssh_key::GitSshKey,
    service::{git_ssh_keys, unit::settle},
    store::AgentOwner,
};

impl Agents {
    /// The key pair with which the workspace's owner reaches Git hosts.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for an agent that the template keeps from its owner's data.
    pub async fn git_ssh_key(&self, owner: &AgentOwner) -> Result<GitSshKey> {
        require_user_data(owner)?;
        let mut tx = self.deps.begin().await?;
        let found = git_ssh_keys::of_user(&self.deps, tx.as_mut(), owner.workspace.owner_id).await;
        settle(tx, found).await
    }
}

/// Refuses agents that the template keeps from their owner's data.
///
/// # Errors
/// [`Forbidden`](ErrorKind::Forbidden).
pub fn require_user_data(owner: &AgentOwner) -> Result<()> {
    if owner.agent.may_read_user_data() {
        return Ok(());
    }
    let message = "This workspace may not use its owner's keys and logins: its template has \
                   api_key_scope = \"no_user_data\".";
    Err(Error::new(ErrorKind::Forbidden, message))
}

use super::{Agents, authenticate::is_current, connection::INACTIVE_AFTER_MS};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    id::WorkspaceAgentId,
    instance_identity::{InstanceIdentity, InstanceIdentityUse, MAX_CLOCK_SKEW_SECONDS},
    secret::{Secret, TokenHash},
    service::unit::settle,
    store::{AgentOwner, Transaction},
    workspace_agent::AgentStatus,
};
use chrono::TimeDelta;

/// How many tokens of one agent are good: the running agent's, and those in sessions that were opened
/// before it was started again.
const MAX_TOKENS: u32 = 8;

impl Agents {
    /// A token for the agent that runs on a machine, as its cloud said. `agent_name` tells several agents of
    /// one machine apart; empty when there is only one.
    ///
    /// A document is worth something only for the newest build of the workspace that names the machine, only
    /// while that agent is not connected, and never after a newer one was used. Once a workspace used a
    /// machine, no other workspace may until it is deleted.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated) when no agent is such, which may change when a running
    /// build ends, or the document may not be used; [`Conflict`](ErrorKind::Conflict) when several are, or
    /// the agent is connected.
    pub async fn authenticate_instance(
        &self,
        identity: &InstanceIdentity,
        agent_name: &str,
    ) -> Result<Secret> {
        let now = self.deps.now();
        if identity.issued_at > now + skew() {
            return Err(refused(
                "The document is of the future: set the clocks right.",
            ));
        }
        let mut tx = self.deps.begin().await?;
        let given = async {
            let tx = tx.as_mut();
            let owner = find(tx, identity, agent_name).await?;
            self.accept(tx, identity, &owner, now).await
        };
        let given = given.await;
        settle(tx, given).await
    }

    async fn accept(
        &self,
        tx: &mut dyn Transaction,
        identity: &InstanceIdentity,
        owner: &AgentOwner,
        now: Timestamp,
    ) -> Result<Secret> {
        let AgentOwner {
            agent, workspace, ..
        } = owner;
        if AgentStatus::of(agent, now, INACTIVE_AFTER_MS) == AgentStatus::Connected {
            let message = "This agent is connected already. If that is the agent of a lost connection, it is \
                           given up after half a minute.";
            return Err(Error::conflict(message));
        }
        if identity.issued_at < workspace.created_at - skew() {
            return Err(refused("The document is older than the workspace."));
        }
        let used = InstanceIdentityUse {
            instance_id: identity.instance_id.clone(),
            agent_name: agent.name.clone(),
            workspace_id: workspace.id,
            issued_at: identity.issued_at,
            used_at: now,
        };
        let anew = identity.cloud.signs_anew();
        if !tx.agent_identities().note_use(&used, anew).await? {
            let message =
                "This document, or a newer one of the machine, was used before: fetch a new one.";
            return Err(refused(message));
        }
        // In the form of all agents' tokens.
        let token = WorkspaceAgentId::generate(&*self.deps.entropy).to_string();
        let hash = TokenHash::of(&token);
        tx.agent_identities()
            .insert_token(agent.id, hash, now, MAX_TOKENS)
            .await?;
        tracing::info!(agent = %agent.id, instance = identity.instance_id, "agent known by its machine");
        Ok(Secret::new(token))
    }
}

async fn find(
    tx: &mut dyn Transaction,
    identity: &InstanceIdentity,
    agent_name: &str,
) -> Result<AgentOwner> {
    let instance = &identity.instance_id;
    let holder = tx.agent_identities().holder(instance).await?;
    let mut held_by_another = false;
    let mut found = Vec::new();
    for owner in tx.agent_identities().by_instance_id(instance).await? {
        if !is_current(tx, &owner).await? {
            continue;
        }
        if holder.is_some_and(|holder| holder != owner.workspace.id) {
            held_by_another = true;
        } else if agent_name.is_empty() || owner.agent.name == agent_name {
            found.push(owner);
        }
    }
    let names: Vec<&str> = found
        .iter()
        .map(|owner| owner.agent.name.as_str())
        .collect();
    if names.len() > 1 {
        let message = format!(
            "The machine {instance} has several agents: {}. Set CODER_AGENT_NAME to the name of one.",
            names.join(", ")
        );
        return Err(Error::conflict(message));
    }
    found.pop().ok_or_else(|| {
        if held_by_another {
            return refused("The machine belongs to another workspace until that one is deleted.");
        }
        refused(&format!(
            "No workspace's newest build has such an agent on the machine {instance}. An agent of a build that \
             still runs is known when that has ended."
        ))
    })
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

const fn skew() -> TimeDelta {
    TimeDelta::seconds(MAX_CLOCK_SKEW_SECONDS)
}

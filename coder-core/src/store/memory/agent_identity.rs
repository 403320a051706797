use super::{MemoryTransaction, text, workspace_agent_detail as detail};
use crate::{
    Timestamp,
    id::{WorkspaceAgentId, WorkspaceId},
    instance_identity::InstanceIdentityUse,
    secret::TokenHash,
    store::{AgentIdentityStore, AgentOwner, StoreResult},
    workspace_agent::AgentAuth,
};
use async_trait::async_trait;

/// A token of an agent, as it is kept.
#[derive(Clone, Debug)]
pub(super) struct AgentToken {
    agent_id: WorkspaceAgentId,
    created_at: Timestamp,
}

#[async_trait]
impl AgentIdentityStore for MemoryTransaction {
    async fn by_instance_id(&mut self, instance_id: &str) -> StoreResult<Vec<AgentOwner>> {
        let auth = AgentAuth::InstanceId(instance_id.to_owned());
        let agents = self.data.workspace_agents.values();
        let wanted = agents.filter(|row| !instance_id.is_empty() && row.auth == auth);
        let owners = wanted.filter_map(|row| detail::owner_of(&self.data, row));
        let mut found: Vec<AgentOwner> = owners
            .filter(|owner| !owner.agent.deleted && !owner.workspace.deleted)
            .filter(|owner| {
                let latest = self.data.latest_build(owner.workspace.id);
                latest.is_some_and(|latest| owner.build.build_number > latest.build_number - 2)
            })
            .collect();
        found.sort_by(|a, b| (&a.agent.name, a.agent.id).cmp(&(&b.agent.name, b.agent.id)));
        Ok(found)
    }

    async fn holder(&mut self, instance_id: &str) -> StoreResult<Option<WorkspaceId>> {
        let uses = self.data.instance_identities.values();
        let uses = uses.filter(|row| row.instance_id == instance_id);
        let held = uses.filter(|row| {
            let workspace = self.data.workspaces.get(&row.workspace_id);
            workspace.is_some_and(|workspace| !workspace.deleted)
        });
        let newest = held.max_by_key(|row| (row.used_at, row.workspace_id));
        Ok(newest.map(|row| row.workspace_id))
    }

    async fn note_use(&mut self, used: &InstanceIdentityUse, anew: bool) -> StoreResult<bool> {
        text::check([
            ("instance_id", used.instance_id.as_str()),
            ("agent_name", &used.agent_name),
        ])?;
        let key = (used.instance_id.clone(), used.agent_name.clone());
        let uses = &mut self.data.instance_identities;
        let refused = uses.get(&key).is_some_and(|last| {
            used.issued_at < last.issued_at || (anew && used.issued_at == last.issued_at)
        });
        if !refused {
            uses.put(key, used.clone());
        }
        Ok(!refused)
    }

    async fn by_token(&mut self, token: TokenHash) -> StoreResult<Option<WorkspaceAgentId>> {
        let found = self.data.agent_tokens.get(&token.0);
        Ok(found.map(|row| row.agent_id))
    }

    async fn insert_token(
        &mut self,
        agent: WorkspaceAgentId,
        token: TokenHash,
        now: Timestamp,
        keep: u32,
    ) -> StoreResult<()> {
        let tokens = &mut self.data.agent_tokens;
        let row = AgentToken {
            agent_id: agent,
            created_at: now,
        };
        tokens.insert("workspace_agent_tokens_pkey", token.0, row)?;
        let of_agent = tokens.iter().filter(|(_, row)| row.agent_id == agent);
        let mut of_agent: Vec<_> = of_agent
            .map(|(hash, row)| (row.created_at, *hash))
            .collect();
        of_agent.sort_unstable();
        let surplus = of_agent.len().saturating_sub(keep as usize);
        for (_, hash) in of_agent.into_iter().take(surplus) {
            tokens.remove(&hash);
        }
        Ok(())
    }
}

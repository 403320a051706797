//! Agents that are known by their machine.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{WorkspaceAgentId, WorkspaceId},
    instance_identity::InstanceIdentityUse,
    secret::TokenHash,
    store::{AgentIdentityStore, AgentOwner, StoreResult},
    workspace_agent::WorkspaceAgent,
};

use super::workspace_agent::owner;
use crate::db::{entity::workspace_agent_token, query::Query, transaction::PgTransaction};

#[async_trait]
impl AgentIdentityStore for PgTransaction {
    async fn by_instance_id(&mut self, instance_id: &str) -> StoreResult<Vec<AgentOwner>> {
        if instance_id.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = Query::new(
            "SELECT a.* FROM workspace_agents a \
             JOIN workspace_resources r ON r.id = a.resource_id \
             JOIN workspace_builds b ON b.job_id = r.job_id \
             JOIN workspaces w ON w.id = b.workspace_id \
             WHERE NOT a.deleted AND NOT w.deleted AND b.build_number > \
             (SELECT max(n.build_number) - 2 FROM workspace_builds n WHERE n.workspace_id = w.id) \
             AND a.auth_instance_id = ",
        );
        query
            .bind(instance_id)
            .push(" ORDER BY a.name COLLATE \"C\", a.id");
        let agents: Vec<WorkspaceAgent> = self.query_all(&query).await?;
        let mut owners = Vec::with_capacity(agents.len());
        for agent in agents {
            owners.extend(owner(self, Some(agent)).await?);
        }
        Ok(owners)
    }

    async fn holder(&mut self, instance_id: &str) -> StoreResult<Option<WorkspaceId>> {
        let mut query = Query::new(
            "SELECT w.id FROM instance_identities i JOIN workspaces w ON w.id = i.workspace_id \
             WHERE NOT w.deleted AND i.instance_id = ",
        );
        query
            .bind(instance_id)
            .push(" ORDER BY i.used_at DESC, w.id DESC LIMIT 1");
        let id: Option<uuid::Uuid> = self.query_value(&query).await?;
        Ok(id.map(WorkspaceId))
    }

    async fn note_use(&mut self, used: &InstanceIdentityUse, anew: bool) -> StoreResult<bool> {
        let mut query = Query::new(
            "INSERT INTO instance_identities \
             (instance_id, agent_name, workspace_id, issued_at, used_at) VALUES (",
        );
        query
            .bind(used.instance_id.as_str())
            .push(", ")
            .bind(used.agent_name.as_str())
            .push(", ")
            .bind(used.workspace_id.0);
        query.push(", ").bind(used.issued_at);
        query.push(", ").bind(used.used_at).push(
            ") ON CONFLICT (instance_id, agent_name) DO UPDATE SET \
             workspace_id = excluded.workspace_id, issued_at = excluded.issued_at, \
             used_at = excluded.used_at WHERE instance_identities.issued_at ",
        );
        query
            .push(if anew { "<" } else { "<=" })
            .push(" excluded.issued_at");
        Ok(self.execute(&query).await? > 0)
    }

    async fn by_token(&mut self, token: TokenHash) -> StoreResult<Option<WorkspaceAgentId>> {
        let mut query =
            Query::new("SELECT agent_id FROM workspace_agent_tokens WHERE token_hash = ");
        let id: Option<uuid::Uuid> = self.query_value(query.bind(token.0.to_vec())).await?;
        Ok(id.map(WorkspaceAgentId))
    }

    async fn insert_token(
        &mut self,
        agent: WorkspaceAgentId,
        token: TokenHash,
        now: Timestamp,
        keep: u32,
    ) -> StoreResult<()> {
        self.insert_row(workspace_agent_token::Model {
            token_hash: token.0.to_vec(),
            agent_id: agent.0,
            created_at: now,
        })
        .await?;
        let mut query = Query::new("DELETE FROM workspace_agent_tokens WHERE agent_id = ");
        query.bind(agent.0).push(
            " AND token_hash IN (SELECT token_hash FROM workspace_agent_tokens WHERE agent_id = ",
        );
        query
            .bind(agent.0)
            .push(" ORDER BY created_at DESC, token_hash DESC OFFSET ")
            .bind(i64::from(keep))
            .push(")");
        self.execute(&query).await.map(|_| ())
    }
}

//! Questions about many agents at once.

use std::collections::HashMap;

use coder_core::{
    Timestamp,
    id::WorkspaceAgentId,
    secret::TokenHash,
    store::{AgentOwner, StoreResult},
    workspace::Workspace,
    workspace_agent::WorkspaceAgent,
    workspace_build::WorkspaceBuild,
    workspace_resource::WorkspaceResource,
};
use sea_orm::prelude::Uuid;

use crate::db::{convert::uuids, query::Query, transaction::PgTransaction};

/// What follows a selection of columns and comes before further conditions.
const CURRENT: &str = " FROM workspace_agents a \
    JOIN workspace_resources r ON r.id = a.resource_id \
    JOIN workspace_builds b ON b.job_id = r.job_id \
    JOIN workspaces w ON w.id = b.workspace_id \
    JOIN users u ON u.id = w.owner_id \
    WHERE NOT a.deleted AND NOT w.deleted AND NOT u.deleted AND u.status <> 'suspended' \
    AND b.build_number = (SELECT max(build_number) FROM workspace_builds WHERE workspace_id = w.id) AND ";

pub(super) async fn current(
    transaction: &PgTransaction,
    agents: &[WorkspaceAgentId],
) -> StoreResult<Vec<WorkspaceAgentId>> {
    let mut query = Query::new("SELECT a.id");
    query.push(CURRENT).push("a.id = ANY(");
    let rows = transaction.query_rows(query.bind(uuids(agents)).push(")"));
    let rows = rows.await?;
    let ids = rows.iter().map(|row| {
        let id: Uuid = transaction.column(row, 0)?;
        Ok(WorkspaceAgentId(id))
    });
    ids.collect()
}

pub(super) async fn current_by_tokens(
    transaction: &PgTransaction,
    tokens: &[TokenHash],
) -> StoreResult<Vec<AgentOwner>> {
    let hashes: Vec<Vec<u8>> = tokens.iter().map(|token| token.0.to_vec()).collect();
    let mut query = Query::new("SELECT a.*");
    query.push(CURRENT).push("a.auth_token_hash = ANY(");
    let agents = transaction.query_all(query.bind(hashes).push(")"));
    let agents: Vec<WorkspaceAgent> = agents.await?;

    let ids: Vec<Uuid> = agents.iter().map(|agent| agent.resource_id.0).collect();
    let query = "SELECT * FROM workspace_resources WHERE id = ANY(";
    let resources: Vec<WorkspaceResource> = all(transaction, query, ids).await?;
    let jobs: Vec<Uuid> = resources.iter().map(|row| row.job_id.0).collect();
    let query = "SELECT * FROM workspace_builds WHERE job_id = ANY(";
    let builds: Vec<WorkspaceBuild> = all(transaction, query, jobs).await?;
    let ids: Vec<Uuid> = builds.iter().map(|row| row.workspace_id.0).collect();
    let query = "SELECT * FROM workspaces WHERE id = ANY(";
    let workspaces: Vec<Workspace> = all(transaction, query, ids).await?;

    let jobs: HashMap<_, _> = resources.iter().map(|row| (row.id, row.job_id)).collect();
    let builds: HashMap<_, _> = builds.iter().map(|row| (row.job_id, row)).collect();
    let workspaces: HashMap<_, _> = workspaces.iter().map(|row| (row.id, row)).collect();
    let owners = agents.into_iter().filter_map(|agent| {
        let build = *builds.get(jobs.get(&agent.resource_id)?)?;
        let workspace = *workspaces.get(&build.workspace_id)?;
        Some(AgentOwner {
            agent,
            build: build.clone(),
            workspace: workspace.clone(),
        })
    });
    Ok(owners.collect())
}

pub(super) async fn set_connected(
    transaction: &PgTransaction,
    agents: &[WorkspaceAgentId],
    now: Timestamp,
) -> StoreResult<()> {
    if agents.is_empty() {
        return Ok(());
    }
    let mut query =
        Query::new("UPDATE workspace_agents SET disconnected_at = NULL, last_connected_at = ");
    query
        .bind(now)
        .push(", first_connected_at = COALESCE(first_connected_at, ")
        .bind(now)
        // In one order, so that two of these never wait for each other.
        .push(") WHERE id IN (SELECT id FROM workspace_agents WHERE id = ANY(")
        .bind(uuids(agents))
        .push(") ORDER BY id FOR UPDATE)");
    transaction.execute(&query).await.map(|_| ())
}

async fn all<T: crate::db::convert::FromRow>(
    transaction: &PgTransaction,
    text: &'static str,
    ids: Vec<Uuid>,
) -> StoreResult<Vec<T>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query::new(text);
    transaction.query_all(query.bind(ids).push(")")).await
}

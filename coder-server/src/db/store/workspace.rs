//! Workspaces.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{TemplateId, UserId, WorkspaceId},
    store::{Page, StoreResult, WorkspaceStore},
    workspace::{AgentFilter, Workspace, WorkspaceFilter},
};
use sea_orm::QuerySelect as _;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, IntoActiveModel as _, entity::prelude::*,
};

use crate::db::{
    convert::{FromRow, uuids, word},
    entity::workspace,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspaces";

#[async_trait]
impl WorkspaceStore for PgTransaction {
    async fn insert(&mut self, workspace: &Workspace) -> StoreResult<()> {
        self.insert_row(row(workspace)).await
    }

    async fn get(&mut self, id: WorkspaceId) -> StoreResult<Option<Workspace>> {
        self.find_one(workspace::Entity::find_by_id(id.0)).await
    }

    async fn get_many(&mut self, ids: &[WorkspaceId]) -> StoreResult<Vec<Workspace>> {
        self.find_all(workspace::Entity::find().filter(workspace::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn get_for_update(&mut self, id: WorkspaceId) -> StoreResult<Option<Workspace>> {
        self.find_one(workspace::Entity::find_by_id(id.0).lock_exclusive())
            .await
    }

    async fn by_owner_and_name(
        &mut self,
        owner: UserId,
        name: &str,
        include_deleted: bool,
    ) -> StoreResult<Option<Workspace>> {
        let mut query = Query::new("SELECT * FROM workspaces WHERE owner_id = ");
        query
            .bind(owner.0)
            .push(" AND lower(name) = lower(")
            .bind(name)
            .push(")");
        if !include_deleted {
            query.push(" AND NOT deleted");
        }
        query.push(" ORDER BY deleted, created_at DESC, id DESC LIMIT 1");
        self.query_one(&query).await
    }

    async fn list(
        &mut self,
        filter: &WorkspaceFilter,
        requester: UserId,
        page: Page,
    ) -> StoreResult<(Vec<Workspace>, u64)> {
        let conditions = conditions(filter);
        let count = self
            .query_count(&conditions.with_prefix("SELECT count(*)"))
            .await?;
        let mut query = conditions.with_prefix("SELECT w.*");
        query
            .push(" ORDER BY (w.favorite AND w.owner_id = ")
            .bind(requester.0);
        query.push(") DESC, (latest.status IS NOT DISTINCT FROM 'running') DESC");
        query.push(", lower(owner.username) COLLATE \"C\", lower(w.name) COLLATE \"C\", w.id");
        query.page(page);
        Ok((self.query_all(&query).await?, count))
    }

    async fn count_of_template(&mut self, template: TemplateId) -> StoreResult<u64> {
        let mut query =
            Query::new("SELECT count(*) FROM workspaces WHERE NOT deleted AND template_id = ");
        self.query_count(query.bind(template.0)).await
    }

    async fn update(&mut self, workspace: &Workspace) -> StoreResult<()> {
        let mut values = row(workspace).into_active_model().reset_all();
        values.id = NotSet;
        values.organization_id = NotSet;
        values.template_id = NotSet;
        values.created_at = NotSet;
        self.update_rows(values, workspace::Column::Id.eq(workspace.id.0))
            .await
    }

    async fn touch(&mut self, ids: &[WorkspaceId], used: Timestamp) -> StoreResult<()> {
        let mut query = Query::new("UPDATE workspaces SET last_used_at = ");
        query.bind(used).push(" WHERE id = ANY(").bind(uuids(ids));
        query.push(")");
        self.execute(&query).await.map(|_| ())
    }
}

/// Every workspace with its owner, its template, and its newest build, whose status is computed as
/// [`WorkspaceStatus::of`](coder_core::workspace_build::WorkspaceStatus::of) does.
const FROM: &str = " FROM workspaces w \
    LEFT JOIN users owner ON owner.id = w.owner_id \
    LEFT JOIN templates t ON t.id = w.template_id \
    LEFT JOIN LATERAL ( \
        SELECT b.job_id, b.template_version_id, \
            CASE \
                WHEN j.error IS NOT NULL THEN 'failed' \
                WHEN j.completed_at IS NOT NULL AND j.canceled_at IS NOT NULL THEN 'canceled' \
                WHEN j.completed_at IS NOT NULL THEN CASE b.transition \
                    WHEN 'start' THEN 'running' WHEN 'stop' THEN 'stopped' ELSE 'deleted' END \
                WHEN j.canceled_at IS NOT NULL THEN 'canceling' \
                WHEN j.started_at IS NULL THEN 'pending' \
                ELSE CASE b.transition \
                    WHEN 'start' THEN 'starting' WHEN 'stop' THEN 'stopping' ELSE 'deleting' END \
            END AS status \
        FROM workspace_builds b JOIN provisioner_jobs j ON j.id = b.job_id \
        WHERE b.workspace_id = w.id ORDER BY b.build_number DESC LIMIT 1 \
    ) latest ON true \
    WHERE NOT w.deleted";

fn conditions(filter: &WorkspaceFilter) -> Query {
    let mut query = Query::new(FROM);
    if !filter.ids.is_empty() {
        query
            .push(" AND w.id = ANY(")
            .bind(uuids(&filter.ids))
            .push(")");
    }
    if let Some(owner) = filter.owner_id {
        query.push(" AND w.owner_id = ").bind(owner.0);
    }
    if let Some(username) = &filter.owner_username {
        query.push(" AND NOT owner.deleted AND lower(owner.username) = lower(");
        query.bind(username).push(")");
    }
    if let Some(name) = &filter.name {
        query
            .push(" AND strpos(lower(w.name), lower(")
            .bind(name)
            .push(")) > 0");
    }
    if let Some(name) = &filter.exact_name {
        query
            .push(" AND lower(w.name) = lower(")
            .bind(name)
            .push(")");
    }
    if let Some(name) = &filter.template_name {
        query
            .push(" AND lower(t.name) = lower(")
            .bind(name)
            .push(")");
    }
    if !filter.template_ids.is_empty() {
        query
            .push(" AND w.template_id = ANY(")
            .bind(uuids(&filter.template_ids))
            .push(")");
    }
    if let Some(organization) = filter.organization_id {
        query.push(" AND w.organization_id = ").bind(organization.0);
    }
    if let Some(status) = filter.status {
        query.push(" AND latest.status = ").bind(status.as_str());
    }
    if let Some(agent) = &filter.has_agent {
        has_agent(&mut query, agent);
    }
    if let Some(dormant) = filter.dormant {
        query
            .push(" AND (w.dormant_at IS NOT NULL) = ")
            .bind(dormant);
    }
    if let Some(outdated) = filter.outdated {
        query
            .push(" AND (latest.template_version_id <> t.active_version_id) = ")
            .bind(outdated);
    }
    if let Some(after) = filter.last_used_after {
        query.push(" AND w.last_used_at > ").bind(after);
    }
    if let Some(before) = filter.last_used_before {
        query.push(" AND w.last_used_at < ").bind(before);
    }
    query
}

/// Judges agents as [`AgentStatus::of`](coder_core::workspace_agent::AgentStatus::of) does.
fn has_agent(query: &mut Query, filter: &AgentFilter) {
    query.push(
        " AND EXISTS (SELECT FROM workspace_agents a \
         JOIN workspace_resources r ON r.id = a.resource_id, \
         LATERAL (SELECT coalesce(a.last_connected_at, a.first_connected_at) AS seen) s \
         WHERE r.job_id = latest.job_id AND NOT a.deleted AND ",
    );
    query.bind(filter.status.as_str());
    query.push(
        " = CASE WHEN s.seen IS NULL THEN \
           CASE WHEN a.connection_timeout_seconds > 0 AND a.created_at < ",
    );
    query.bind(filter.now).push(
        "::timestamptz - a.connection_timeout_seconds * interval '1 second' \
         THEN 'timeout' ELSE 'connecting' END \
         WHEN a.disconnected_at >= s.seen OR s.seen < ",
    );
    query
        .bind(filter.now)
        .push("::timestamptz - ")
        .bind(filter.inactive_after_ms);
    query.push("::bigint * interval '1 millisecond' THEN 'disconnected' ELSE 'connected' END)");
}

fn row(workspace: &Workspace) -> workspace::Model {
    workspace::Model {
        id: workspace.id.0,
        owner_id: workspace.owner_id.0,
        organization_id: workspace.organization_id.0,
        template_id: workspace.template_id.0,
        name: workspace.name.clone(),
        autostart_schedule: workspace.autostart_schedule.clone(),
        ttl_ms: workspace.ttl_ms,
        last_used_at: workspace.last_used_at,
        created_at: workspace.created_at,
        updated_at: workspace.updated_at,
        deleted: workspace.deleted,
        dormant_at: workspace.dormant_at,
        deleting_at: workspace.deleting_at,
        automatic_updates: workspace.automatic_updates.to_string(),
        favorite: workspace.favorite,
        next_start_at: workspace.next_start_at,
    }
}

impl FromRow for Workspace {
    type Row = workspace::Model;

    fn from_row(row: workspace::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            owner_id: row.owner_id.into(),
            organization_id: row.organization_id.into(),
            template_id: row.template_id.into(),
            name: row.name,
            autostart_schedule: row.autostart_schedule,
            ttl_ms: row.ttl_ms,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted: row.deleted,
            dormant_at: row.dormant_at,
            deleting_at: row.deleting_at,
            automatic_updates: word(TABLE, &row.automatic_updates)?,
            favorite: row.favorite,
            next_start_at: row.next_start_at,
        })
    }
}

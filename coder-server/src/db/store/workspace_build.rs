//! Builds, their parameters and state.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{ProvisionerJobId, WorkspaceBuildId, WorkspaceId},
    parameter::ParameterValue,
    store::{Page, StoreResult, WorkspaceBuildStore},
    workspace_build::WorkspaceBuild,
};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::db::{
    convert::{FromRow, uuids, word},
    entity::{workspace_build, workspace_build_parameter, workspace_build_state},
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspace_builds";

#[async_trait]
impl WorkspaceBuildStore for PgTransaction {
    async fn insert(
        &mut self,
        build: &WorkspaceBuild,
        parameters: &[ParameterValue],
        state: &[u8],
    ) -> StoreResult<()> {
        self.insert_row(row(build)).await?;
        let rows = parameters
            .iter()
            .map(|parameter| workspace_build_parameter::Model {
                workspace_build_id: build.id.0,
                name: parameter.name.clone(),
                value: parameter.value.clone(),
            });
        self.insert_rows(rows.collect()).await?;
        if state.is_empty() {
            return Ok(());
        }
        let state = state.to_vec();
        self.insert_row(workspace_build_state::Model {
            workspace_build_id: build.id.0,
            state,
        })
        .await
    }

    async fn get(&mut self, id: WorkspaceBuildId) -> StoreResult<Option<WorkspaceBuild>> {
        self.find_one(workspace_build::Entity::find_by_id(id.0))
            .await
    }

    async fn by_job(&mut self, job: ProvisionerJobId) -> StoreResult<Option<WorkspaceBuild>> {
        let select = workspace_build::Entity::find();
        self.find_one(select.filter(workspace_build::Column::JobId.eq(job.0)))
            .await
    }

    async fn by_jobs(&mut self, jobs: &[ProvisionerJobId]) -> StoreResult<Vec<WorkspaceBuild>> {
        let select = workspace_build::Entity::find();
        self.find_all(select.filter(workspace_build::Column::JobId.eq_any(uuids(jobs))))
            .await
    }

    async fn by_number(
        &mut self,
        workspace: WorkspaceId,
        number: i32,
    ) -> StoreResult<Option<WorkspaceBuild>> {
        self.find_one(
            workspace_build::Entity::find()
                .filter(workspace_build::Column::WorkspaceId.eq(workspace.0))
                .filter(workspace_build::Column::BuildNumber.eq(number)),
        )
        .await
    }

    async fn latest(&mut self, workspace: WorkspaceId) -> StoreResult<Option<WorkspaceBuild>> {
        self.find_one(
            workspace_build::Entity::find()
                .filter(workspace_build::Column::WorkspaceId.eq(workspace.0))
                .order_by_desc(workspace_build::Column::BuildNumber),
        )
        .await
    }

    async fn latest_many(
        &mut self,
        workspaces: &[WorkspaceId],
    ) -> StoreResult<Vec<WorkspaceBuild>> {
        let mut query = Query::new("SELECT b.* FROM (SELECT DISTINCT unnest(");
        query.bind(uuids(workspaces)).push(
            "::uuid[]) AS id) w CROSS JOIN LATERAL (SELECT * FROM workspace_builds \
             WHERE workspace_id = w.id ORDER BY build_number DESC LIMIT 1) b",
        );
        self.query_all(&query).await
    }

    async fn list(
        &mut self,
        workspace: WorkspaceId,
        since: Option<Timestamp>,
        page: Page,
    ) -> StoreResult<Vec<WorkspaceBuild>> {
        let mut query = Query::new("SELECT * FROM workspace_builds WHERE workspace_id = ");
        query.bind(workspace.0);
        if let Some(since) = since {
            query.push(" AND created_at > ").bind(since);
        }
        query.push(" ORDER BY build_number DESC").page(page);
        self.query_all(&query).await
    }

    async fn update(&mut self, build: &WorkspaceBuild) -> StoreResult<()> {
        let mut query = Query::new("UPDATE workspace_builds SET deadline = ");
        query
            .bind(build.deadline)
            .push(", max_deadline = ")
            .bind(build.max_deadline);
        query.push(", daily_cost = ").bind(build.daily_cost);
        query.push(", updated_at = ").bind(build.updated_at);
        query.push(" WHERE id = ").bind(build.id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn bump_deadline(
        &mut self,
        id: WorkspaceBuildId,
        deadline: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut query = Query::new("UPDATE workspace_builds SET deadline = ");
        query.bind(deadline).push(", updated_at = ").bind(now);
        query.push(" WHERE id = ").bind(id.0);
        query.push(" AND deadline < ").bind(deadline);
        Ok(self.execute(&query).await? > 0)
    }

    async fn parameters(&mut self, id: WorkspaceBuildId) -> StoreResult<Vec<ParameterValue>> {
        let mut query =
            Query::new("SELECT * FROM workspace_build_parameters WHERE workspace_build_id = ");
        query.bind(id.0).push(" ORDER BY name COLLATE \"C\"");
        self.query_all(&query).await
    }

    async fn state(&mut self, id: WorkspaceBuildId) -> StoreResult<Vec<u8>> {
        let mut query =
            Query::new("SELECT state FROM workspace_build_states WHERE workspace_build_id = ");
        Ok(self
            .query_value(query.bind(id.0))
            .await?
            .unwrap_or_default())
    }

    async fn set_state(&mut self, id: WorkspaceBuildId, state: &[u8]) -> StoreResult<()> {
        let mut query = Query::new(
            "INSERT INTO workspace_build_states (workspace_build_id, state) SELECT id, ",
        );
        query
            .bind(state.to_vec())
            .push("::bytea FROM workspace_builds WHERE id = ")
            .bind(id.0);
        query.push(" ON CONFLICT (workspace_build_id) DO UPDATE SET state = excluded.state");
        self.execute(&query).await.map(|_| ())
    }
}

fn row(build: &WorkspaceBuild) -> workspace_build::Model {
    workspace_build::Model {
        id: build.id.0,
        workspace_id: build.workspace_id.0,
        template_version_id: build.template_version_id.0,
        template_version_preset_id: build.template_version_preset_id.map(Uuid::from),
        build_number: build.build_number,
        transition: build.transition.to_string(),
        initiator_id: build.initiator_id.0,
        job_id: build.job_id.0,
        deadline: build.deadline,
        max_deadline: build.max_deadline,
        reason: build.reason.to_string(),
        daily_cost: build.daily_cost,
        created_at: build.created_at,
        updated_at: build.updated_at,
    }
}

impl FromRow for WorkspaceBuild {
    type Row = workspace_build::Model;

    fn from_row(row: workspace_build::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            workspace_id: row.workspace_id.into(),
            template_version_id: row.template_version_id.into(),
            template_version_preset_id: row.template_version_preset_id.map(Into::into),
            build_number: row.build_number,
            transition: word(TABLE, &row.transition)?,
            initiator_id: row.initiator_id.into(),
            job_id: row.job_id.into(),
            deadline: row.deadline,
            max_deadline: row.max_deadline,
            reason: word(TABLE, &row.reason)?,
            daily_cost: row.daily_cost,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl FromRow for ParameterValue {
    type Row = workspace_build_parameter::Model;

    fn from_row(row: workspace_build_parameter::Model) -> StoreResult<Self> {
        Ok(Self {
            name: row.name,
            value: row.value,
        })
    }
}

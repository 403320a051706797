//! Resources.

use async_trait::async_trait;
use coder_core::{
    id::{ProvisionerJobId, WorkspaceResourceId},
    store::{StoreResult, WorkspaceResourceStore},
    workspace_resource::WorkspaceResource,
};
use sea_orm::entity::prelude::*;

use crate::db::{
    convert::{FromRow, from_json, to_json, uuids, word},
    entity::workspace_resource,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "workspace_resources";

#[async_trait]
impl WorkspaceResourceStore for PgTransaction {
    async fn insert(&mut self, resources: &[WorkspaceResource]) -> StoreResult<()> {
        let rows = resources.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
        self.insert_rows(rows).await
    }

    async fn get(&mut self, id: WorkspaceResourceId) -> StoreResult<Option<WorkspaceResource>> {
        self.find_one(workspace_resource::Entity::find_by_id(id.0))
            .await
    }

    async fn by_jobs(&mut self, jobs: &[ProvisionerJobId]) -> StoreResult<Vec<WorkspaceResource>> {
        let mut query = Query::new("SELECT * FROM workspace_resources WHERE job_id = ANY(");
        query
            .bind(uuids(jobs))
            .push(") ORDER BY created_at, name COLLATE \"C\", id");
        self.query_all(&query).await
    }
}

fn row(resource: &WorkspaceResource) -> StoreResult<workspace_resource::Model> {
    Ok(workspace_resource::Model {
        id: resource.id.0,
        job_id: resource.job_id.0,
        created_at: resource.created_at,
        transition: resource.transition.to_string(),
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        hide: resource.hide,
        icon: resource.icon.clone(),
        daily_cost: resource.daily_cost,
        instance_type: resource.instance_type.clone(),
        module_path: resource.module_path.clone(),
        metadata: to_json(&resource.metadata)?,
    })
}

impl FromRow for WorkspaceResource {
    type Row = workspace_resource::Model;

    fn from_row(row: workspace_resource::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            job_id: row.job_id.into(),
            created_at: row.created_at,
            transition: word(TABLE, &row.transition)?,
            kind: row.kind,
            name: row.name,
            hide: row.hide,
            icon: row.icon,
            daily_cost: row.daily_cost,
            instance_type: row.instance_type,
            module_path: row.module_path,
            metadata: from_json(TABLE, row.metadata)?,
        })
    }
}

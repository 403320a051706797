use super::StoreResult;
use crate::{
    id::{ProvisionerJobId, WorkspaceResourceId},
    workspace_resource::WorkspaceResource,
};
use async_trait::async_trait;

/// Resources.
#[async_trait]
pub trait WorkspaceResourceStore: Send {
    /// Adds several.
    async fn insert(&mut self, resources: &[WorkspaceResource]) -> StoreResult<()>;
    /// By id.
    async fn get(&mut self, id: WorkspaceResourceId) -> StoreResult<Option<WorkspaceResource>>;
    /// Those of several jobs, by creation, then name.
    async fn by_jobs(&mut self, jobs: &[ProvisionerJobId]) -> StoreResult<Vec<WorkspaceResource>>;
}

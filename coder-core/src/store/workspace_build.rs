use super::{Page, StoreResult};
use crate::{
    Timestamp,
    id::{ProvisionerJobId, WorkspaceBuildId, WorkspaceId},
    parameter::ParameterValue,
    workspace_build::WorkspaceBuild,
};
use async_trait::async_trait;

/// Builds, their parameters and state.
#[async_trait]
pub trait WorkspaceBuildStore: Send {
    /// Adds one with its parameters and the state it begins from. Conflict:
    /// `workspace_builds_workspace_id_build_number_key`.
    async fn insert(
        &mut self,
        build: &WorkspaceBuild,
        parameters: &[ParameterValue],
        state: &[u8],
    ) -> StoreResult<()>;
    /// By id.
    async fn get(&mut self, id: WorkspaceBuildId) -> StoreResult<Option<WorkspaceBuild>>;
    /// By job.
    async fn by_job(&mut self, job: ProvisionerJobId) -> StoreResult<Option<WorkspaceBuild>>;
    /// Those of several jobs, in no order.
    async fn by_jobs(&mut self, jobs: &[ProvisionerJobId]) -> StoreResult<Vec<WorkspaceBuild>>;
    /// By number.
    async fn by_number(
        &mut self,
        workspace: WorkspaceId,
        number: i32,
    ) -> StoreResult<Option<WorkspaceBuild>>;
    /// The newest one.
    async fn latest(&mut self, workspace: WorkspaceId) -> StoreResult<Option<WorkspaceBuild>>;
    /// The newest one of each workspace, in no order.
    async fn latest_many(&mut self, workspaces: &[WorkspaceId])
    -> StoreResult<Vec<WorkspaceBuild>>;
    /// A part of a workspace's builds made after `since`, newest first.
    async fn list(
        &mut self,
        workspace: WorkspaceId,
        since: Option<Timestamp>,
        page: Page,
    ) -> StoreResult<Vec<WorkspaceBuild>>;
    /// Replaces `deadline`, `max_deadline`, `daily_cost` and `updated_at`.
    async fn update(&mut self, build: &WorkspaceBuild) -> StoreResult<()>;
    /// Moves a deadline that is before `deadline` to it. `false` when nothing was moved.
    async fn bump_deadline(
        &mut self,
        id: WorkspaceBuildId,
        deadline: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool>;
    /// The parameters, by name.
    async fn parameters(&mut self, id: WorkspaceBuildId) -> StoreResult<Vec<ParameterValue>>;
    /// The Terraform state; empty when there is none.
    async fn state(&mut self, id: WorkspaceBuildId) -> StoreResult<Vec<u8>>;
    /// Replaces the Terraform state.
    async fn set_state(&mut self, id: WorkspaceBuildId, state: &[u8]) -> StoreResult<()>;
}

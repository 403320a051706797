use super::{MemoryTransaction, table::unique, text};
use crate::{
    Timestamp,
    id::{ProvisionerJobId, WorkspaceBuildId, WorkspaceId},
    parameter::ParameterValue,
    store::{Page, StoreResult, WorkspaceBuildStore},
    workspace_build::WorkspaceBuild,
};
use async_trait::async_trait;
use std::cmp::Reverse;

#[async_trait]
impl WorkspaceBuildStore for MemoryTransaction {
    async fn insert(
        &mut self,
        build: &WorkspaceBuild,
        parameters: &[ParameterValue],
        state: &[u8],
    ) -> StoreResult<()> {
        text::check(parameters.iter().flat_map(|parameter| {
            let value = ("value", parameter.value.as_str());
            [("name", parameter.name.as_str()), value]
        }))?;
        let builds = &mut self.data.workspace_builds;
        let taken = builds.any(|row| {
            row.workspace_id == build.workspace_id && row.build_number == build.build_number
        });
        unique("workspace_builds_workspace_id_build_number_key", !taken)?;
        builds.insert("workspace_builds_pkey", build.id, build.clone())?;
        let mut parameters = parameters.to_vec();
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        self.data.build_parameters.put(build.id, parameters);
        self.data.build_states.put(build.id, state.to_vec());
        Ok(())
    }

    async fn get(&mut self, id: WorkspaceBuildId) -> StoreResult<Option<WorkspaceBuild>> {
        Ok(self.data.workspace_builds.get(&id).cloned())
    }

    async fn by_job(&mut self, job: ProvisionerJobId) -> StoreResult<Option<WorkspaceBuild>> {
        let builds = &self.data.workspace_builds;
        Ok(builds.find(|row| row.job_id == job).cloned())
    }

    async fn by_jobs(&mut self, jobs: &[ProvisionerJobId]) -> StoreResult<Vec<WorkspaceBuild>> {
        let builds = self.data.workspace_builds.values();
        let wanted = builds.filter(|row| jobs.contains(&row.job_id));
        Ok(wanted.cloned().collect())
    }

    async fn by_number(
        &mut self,
        workspace: WorkspaceId,
        number: i32,
    ) -> StoreResult<Option<WorkspaceBuild>> {
        let builds = &self.data.workspace_builds;
        let found = builds.find(|row| row.workspace_id == workspace && row.build_number == number);
        Ok(found.cloned())
    }

    async fn latest(&mut self, workspace: WorkspaceId) -> StoreResult<Option<WorkspaceBuild>> {
        Ok(self.data.latest_build(workspace).cloned())
    }

    async fn latest_many(
        &mut self,
        workspaces: &[WorkspaceId],
    ) -> StoreResult<Vec<WorkspaceBuild>> {
        let workspaces: std::collections::BTreeSet<_> = workspaces.iter().copied().collect();
        let latest = workspaces
            .into_iter()
            .filter_map(|id| self.data.latest_build(id));
        Ok(latest.cloned().collect())
    }

    async fn list(
        &mut self,
        workspace: WorkspaceId,
        since: Option<Timestamp>,
        page: Page,
    ) -> StoreResult<Vec<WorkspaceBuild>> {
        let builds = self.data.workspace_builds.values().filter(|row| {
            row.workspace_id == workspace && since.is_none_or(|since| row.created_at > since)
        });
        let mut builds: Vec<&WorkspaceBuild> = builds.collect();
        builds.sort_by_key(|row| Reverse(row.build_number));
        Ok(page.apply(builds.into_iter().cloned()))
    }

    async fn update(&mut self, build: &WorkspaceBuild) -> StoreResult<()> {
        if let Some(row) = self.data.workspace_builds.update(&build.id) {
            row.deadline = build.deadline;
            row.max_deadline = build.max_deadline;
            row.daily_cost = build.daily_cost;
            row.updated_at = build.updated_at;
        }
        Ok(())
    }

    async fn bump_deadline(
        &mut self,
        id: WorkspaceBuildId,
        deadline: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let build = self.data.workspace_builds.get(&id);
        let later = build.is_some_and(|build| build.deadline.is_some_and(|old| old < deadline));
        if later && let Some(row) = self.data.workspace_builds.update(&id) {
            row.deadline = Some(deadline);
            row.updated_at = now;
        }
        Ok(later)
    }

    async fn parameters(&mut self, id: WorkspaceBuildId) -> StoreResult<Vec<ParameterValue>> {
        let parameters = self.data.build_parameters.get(&id);
        Ok(parameters.cloned().unwrap_or_default())
    }

    async fn state(&mut self, id: WorkspaceBuildId) -> StoreResult<Vec<u8>> {
        let state = self.data.build_states.get(&id);
        Ok(state.cloned().unwrap_or_default())
    }

    async fn set_state(&mut self, id: WorkspaceBuildId, state: &[u8]) -> StoreResult<()> {
        if self.data.workspace_builds.contains(&id) {
            self.data.build_states.put(id, state.to_vec());
        }
        Ok(())
    }
}

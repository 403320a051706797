use super::Builds;
use crate::{
    Error, Result, Timestamp,
    id::{UserId, WorkspaceBuildId, WorkspaceId},
    parameter::ParameterValue,
    provisioner_job::{JobLog, JobTiming},
    rbac::{Action, Subject},
    script::{ScriptTiming, WorkspaceAgentScript},
    service::{
        details::{self, BuildDetails},
        unit::settle,
    },
    store::{Page, Transaction},
    workspace::Workspace,
    workspace_agent::WorkspaceAgent,
    workspace_build::WorkspaceBuild,
};

/// How long the steps of a build took.
#[derive(Clone, Debug, Default)]
pub struct BuildTimings {
    /// Steps of the daemon, by begin.
    pub provisioner: Vec<JobTiming>,
    /// Runs of scripts.
    pub scripts: Vec<(WorkspaceAgent, WorkspaceAgentScript, ScriptTiming)>,
    /// Agents that connected.
    pub agents: Vec<WorkspaceAgent>,
}

impl Builds {
    /// A build.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn get(&self, subject: &Subject, id: WorkspaceBuildId) -> Result<BuildDetails> {
        let mut tx = self.deps.begin().await?;
        let found = self.get_in(tx.as_mut(), subject, id).await;
        settle(tx, found).await
    }

    async fn get_in(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceBuildId,
    ) -> Result<BuildDetails> {
        let (build, workspace) = self.readable(tx, subject, id).await?;
        details::build(tx, self.deps.now(), build, &workspace).await
    }

    /// A build by its workspace's owner and name and its number.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn by_number(
        &self,
        subject: &Subject,
        owner: UserId,
        workspace_name: &str,
        number: i32,
    ) -> Result<BuildDetails> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let workspace = tx
                .workspaces()
                .by_owner_and_name(owner, workspace_name, true)
                .await?;
            let workspace = self.deps.permitted(subject, Action::Read, workspace)?;
            let build = tx
                .workspace_builds()
                .by_number(workspace.id, number)
                .await?;
            let build = build.ok_or_else(Error::not_found)?;
            details::build(tx, self.deps.now(), build, &workspace).await
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// A part of a workspace's builds, newest first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn list(
        &self,
        subject: &Subject,
        workspace: WorkspaceId,
        since: Option<Timestamp>,
        page: Page,
    ) -> Result<Vec<BuildDetails>> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let workspace = tx.workspaces().get(workspace).await?;
            let workspace = self.deps.permitted(subject, Action::Read, workspace)?;
            let builds = tx
                .workspace_builds()
                .list(workspace.id, since, page)
                .await?;
            details::builds(tx, self.deps.now(), builds, &[workspace]).await
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// The parameter values of a build.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn parameters(
        &self,
        subject: &Subject,
        id: WorkspaceBuildId,
    ) -> Result<Vec<ParameterValue>> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let (build, _) = self.readable(tx.as_mut(), subject, id).await?;
            Ok(tx.workspace_builds().parameters(build.id).await?)
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// Lines of a build's log with `after < id < before`, at most `limit` (0 for all), and whether more
    /// may come.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn logs(
        &self,
        subject: &Subject,
        id: WorkspaceBuildId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<JobLog>, bool)> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let (build, _) = self.readable(tx, subject, id).await?;
            // The state first: lines written before the job ended are then all seen.
            let job = tx.provisioner_jobs().get(build.job_id).await?;
            let active = job.is_some_and(|job| !job.status().is_final());
            let lines = tx
                .provisioner_jobs()
                .logs(build.job_id, after, before, limit)
                .await?;
            Ok((lines, active))
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// How long the steps of a build took.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn timings(&self, subject: &Subject, id: WorkspaceBuildId) -> Result<BuildTimings> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let (build, _) = self.readable(tx, subject, id).await?;
            let provisioner = tx.provisioner_jobs().timings(build.job_id).await?;
            let resources = tx.workspace_resources().by_jobs(&[build.job_id]).await?;
            let resources: Vec<_> = resources.iter().map(|resource| resource.id).collect();
            let agents = tx.workspace_agents().by_resources(&resources).await?;
            let ids: Vec<_> = agents.iter().map(|agent| agent.id).collect();
            let scripts = tx.workspace_agents().scripts(&ids).await?;
            let timings = tx.workspace_agents().script_timings(&ids).await?;
            let runs = timings.into_iter().filter_map(|(agent, timing)| {
                let agent = agents.iter().find(|one| one.id == agent)?;
                let script = scripts
                    .iter()
                    .find(|script| script.id == timing.script_id)?;
                Some((agent.clone(), script.clone(), timing))
            });
            Ok(BuildTimings {
                provisioner,
                scripts: runs.collect(),
                agents,
            })
        };
        let found = found.await;
        settle(tx, found).await
    }

    pub(super) async fn readable(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceBuildId,
    ) -> Result<(WorkspaceBuild, Workspace)> {
        let build = tx
            .workspace_builds()
            .get(id)
            .await?
            .ok_or_else(Error::not_found)?;
        let workspace = tx.workspaces().get(build.workspace_id).await?;
        let workspace = self.deps.permitted(subject, Action::Read, workspace)?;
        Ok((build, workspace))
    }
}

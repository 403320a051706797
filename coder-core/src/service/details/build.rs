use super::{
    JobDetails, MatchedProvisioners, ResourceDetails, distinct, group, index, jobs,
    matched_provisioners, resources,
};
use crate::{
    Error, Result, Timestamp,
    provisioner_job::JobStatus,
    store::Transaction,
    user::User,
    workspace::Workspace,
    workspace_build::{WorkspaceBuild, WorkspaceStatus},
};

/// A build with what clients are shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildDetails {
    /// The build.
    pub build: WorkspaceBuild,
    /// Its workspace.
    pub workspace: Workspace,
    /// Owner of the workspace.
    pub owner: User,
    /// Who asked for it, if still known.
    pub initiator: Option<User>,
    /// Its job.
    pub job: JobDetails,
    /// What it made.
    pub resources: Vec<ResourceDetails>,
    /// Daemons that fit; only for a single build that is pending.
    pub matched: Option<MatchedProvisioners>,
}

impl BuildDetails {
    /// The state that the workspace has by this build.
    #[must_use]
    pub const fn status(&self) -> WorkspaceStatus {
        WorkspaceStatus::of(self.job.job.status(), self.build.transition)
    }
}

/// Adds what clients are shown of a build of `workspace`.
///
/// # Errors
/// As the store.
pub async fn build(
    tx: &mut dyn Transaction,
    now: Timestamp,
    build: WorkspaceBuild,
    workspace: &Workspace,
) -> Result<BuildDetails> {
    let workspaces = std::slice::from_ref(workspace);
    let mut details = builds(tx, now, vec![build], workspaces).await?;
    let mut details = details
        .pop()
        .ok_or_else(|| Error::internal("a build got lost"))?;
    if details.job.job.status() == JobStatus::Pending {
        details.matched = Some(matched_provisioners(tx, now, &details.job.job).await?);
    }
    Ok(details)
}

/// Adds what clients are shown of builds, in their order; `workspaces` has those they belong to.
///
/// # Errors
/// As the store.
pub async fn builds(
    tx: &mut dyn Transaction,
    now: Timestamp,
    builds: Vec<WorkspaceBuild>,
    workspaces: &[Workspace],
) -> Result<Vec<BuildDetails>> {
    if builds.is_empty() {
        return Ok(Vec::new());
    }
    let workspaces = index(workspaces.to_vec(), |workspace| workspace.id);
    let people = workspaces.values().map(|workspace| workspace.owner_id);
    let people = distinct(people.chain(builds.iter().map(|build| build.initiator_id)));
    let people = index(tx.users().get_many(&people).await?, |user| user.id);
    let job_ids: Vec<_> = builds.iter().map(|build| build.job_id).collect();
    let found = tx.provisioner_jobs().get_many(&job_ids).await?;
    let mut found = index(jobs(tx, now, found).await?, |details| details.job.id);
    let made = tx.workspace_resources().by_jobs(&job_ids).await?;
    let mut made = group(resources(tx, made).await?, |details| {
        details.resource.job_id
    });
    let missing = || Error::internal("a build lacks its job, workspace or owner");
    let add = |build: WorkspaceBuild| {
        let workspace = workspaces.get(&build.workspace_id).ok_or_else(missing)?;
        Ok(BuildDetails {
            owner: people.get(&workspace.owner_id).ok_or_else(missing)?.clone(),
            workspace: workspace.clone(),
            initiator: people.get(&build.initiator_id).cloned(),
            job: found.remove(&build.job_id).ok_or_else(missing)?,
            resources: made.remove(&build.job_id).unwrap_or_default(),
            matched: None,
            build,
        })
    };
    builds.into_iter().map(add).collect()
}

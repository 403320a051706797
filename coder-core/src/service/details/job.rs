use super::{distinct, index};
use crate::{
    Result, Timestamp,
    id::{ProvisionerDaemonId, WorkspaceId},
    provisioner_daemon::{OFFLINE_AFTER_MS, ProvisionerDaemon},
    provisioner_job::{JobInput, JobStatus, ProvisionerJob, QueuePosition, tags_match},
    store::Transaction,
    template::Template,
    template_version::TemplateVersion,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
};
use std::collections::BTreeMap;

/// A job with what clients are shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDetails {
    /// The job.
    pub job: ProvisionerJob,
    /// Where it stands in the queue.
    pub queue: QueuePosition,
    /// Name of the daemon that has it.
    pub worker_name: Option<String>,
    /// Daemons that could take it; only looked up while it is pending.
    pub available_workers: Vec<ProvisionerDaemonId>,
    /// What it is about.
    pub subject: JobSubject,
}

/// What a job is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobSubject {
    /// The version it imports or builds from.
    pub version: Option<TemplateVersion>,
    /// The version's template, if it has one.
    pub template: Option<Template>,
    /// The workspace it builds, with its name and the transition.
    pub workspace: Option<(WorkspaceId, String, WorkspaceTransition)>,
}

/// Daemons that fit a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchedProvisioners {
    /// How many there are.
    pub count: usize,
    /// How many of them are alive.
    pub available: usize,
    /// When one of them was seen last.
    pub most_recently_seen: Option<Timestamp>,
}

/// Adds what clients are shown of a job.
///
/// # Errors
/// As the store.
pub async fn job(
    tx: &mut dyn Transaction,
    now: Timestamp,
    job: ProvisionerJob,
) -> Result<JobDetails> {
    let mut details = jobs(tx, now, vec![job]).await?;
    details
        .pop()
        .ok_or_else(|| crate::Error::internal("a job got lost"))
}

/// Adds what clients are shown of jobs, in their order.
///
/// # Errors
/// As the store.
pub async fn jobs(
    tx: &mut dyn Transaction,
    now: Timestamp,
    jobs: Vec<ProvisionerJob>,
) -> Result<Vec<JobDetails>> {
    let mut subjects = subjects(tx, &jobs).await?;
    let pending: Vec<_> = jobs
        .iter()
        .filter(|job| job.status() == JobStatus::Pending)
        .map(|job| job.id)
        .collect();
    let queue = if pending.is_empty() {
        Vec::new()
    } else {
        tx.provisioner_jobs().queue_positions(&pending).await?
    };
    let queue: BTreeMap<_, _> = queue.into_iter().collect();
    let workers = distinct(jobs.iter().filter_map(|job| job.worker_id));
    let workers = if workers.is_empty() {
        Vec::new()
    } else {
        tx.provisioner_daemons().get_many(&workers).await?
    };
    let workers = index(workers, |daemon| daemon.id);
    let mut daemons = Vec::new();
    let waiting = jobs.iter().filter(|job| job.status() == JobStatus::Pending);
    for organization in distinct(waiting.map(|job| job.organization_id)) {
        daemons.extend(tx.provisioner_daemons().list(organization).await?);
    }
    let add = |job: ProvisionerJob| {
        let fits = daemons.iter().filter(|daemon| {
            job.status() == JobStatus::Pending && fits(daemon, &job) && is_alive(daemon, now)
        });
        let worker = job.worker_id.and_then(|id| workers.get(&id));
        JobDetails {
            queue: queue.get(&job.id).copied().unwrap_or_default(),
            worker_name: worker.map(|daemon| daemon.name.clone()),
            available_workers: fits.map(|daemon| daemon.id).collect(),
            subject: subjects.remove(&job.id).unwrap_or_default(),
            job,
        }
    };
    Ok(jobs.into_iter().map(add).collect())
}

/// Counts the daemons that fit a job.
///
/// # Errors
/// As the store.
pub async fn matched_provisioners(
    tx: &mut dyn Transaction,
    now: Timestamp,
    job: &ProvisionerJob,
) -> Result<MatchedProvisioners> {
    let daemons = tx.provisioner_daemons().list(job.organization_id).await?;
    let fitting: Vec<_> = daemons.iter().filter(|daemon| fits(daemon, job)).collect();
    Ok(MatchedProvisioners {
        count: fitting.len(),
        available: fitting
            .iter()
            .filter(|daemon| is_alive(daemon, now))
            .count(),
        most_recently_seen: fitting
            .iter()
            .filter_map(|daemon| daemon.last_seen_at)
            .max(),
    })
}

fn fits(daemon: &ProvisionerDaemon, job: &ProvisionerJob) -> bool {
    daemon.organization_id == job.organization_id
        && daemon.provisioners.contains(&job.provisioner)
        && tags_match(&job.tags, &daemon.tags)
}

fn is_alive(daemon: &ProvisionerDaemon, now: Timestamp) -> bool {
    let limit = chrono::TimeDelta::milliseconds(OFFLINE_AFTER_MS);
    daemon.last_seen_at.is_some_and(|seen| now - seen <= limit)
}

async fn subjects(
    tx: &mut dyn Transaction,
    jobs: &[ProvisionerJob],
) -> Result<BTreeMap<crate::id::ProvisionerJobId, JobSubject>> {
    let of_builds: Vec<_> = jobs
        .iter()
        .filter(|job| matches!(job.input, JobInput::WorkspaceBuild { .. }))
        .map(|job| job.id)
        .collect();
    let (mut builds, mut workspaces) = (BTreeMap::new(), BTreeMap::new());
    if !of_builds.is_empty() {
        builds = index(tx.workspace_builds().by_jobs(&of_builds).await?, |build| {
            build.job_id
        });
        let ids = distinct(builds.values().map(|build| build.workspace_id));
        workspaces = index(tx.workspaces().get_many(&ids).await?, |workspace| {
            workspace.id
        });
    }
    let version_of = |job: &ProvisionerJob| match job.input {
        JobInput::TemplateVersionImport {
            template_version_id,
            ..
        }
        | JobInput::TemplateVersionDryRun {
            template_version_id,
            ..
        } => Some(template_version_id),
        JobInput::WorkspaceBuild { .. } => builds
            .get(&job.id)
            .map(|build: &WorkspaceBuild| build.template_version_id),
    };
    let versions = distinct(jobs.iter().filter_map(version_of));
    let versions = tx.template_versions().get_many(&versions).await?;
    let versions = index(versions, |version| version.id);
    let templates = distinct(versions.values().filter_map(|version| version.template_id));
    let templates = tx.templates().get_many(&templates).await?;
    let templates = index(templates, |template| template.id);
    let subject_of = |job: &ProvisionerJob| {
        let version = version_of(job).and_then(|id| versions.get(&id));
        let template = version.and_then(|version| version.template_id);
        let workspace = builds.get(&job.id).and_then(|build| {
            let workspace = workspaces.get(&build.workspace_id)?;
            Some((workspace.id, workspace.name.clone(), build.transition))
        });
        JobSubject {
            version: version.cloned(),
            template: template.and_then(|id| templates.get(&id)).cloned(),
            workspace,
        }
    };
    Ok(jobs.iter().map(|job| (job.id, subject_of(job))).collect())
}

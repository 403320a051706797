//! Dry runs: what a version would make with given values. They keep nothing but the planned resources.
//!
//! Whoever could create a workspace from the version may ask for one, and sees only their own.

use super::find::find;
use crate::{
    Error, ErrorKind,
    event::Event,
    id::{ProvisionerJobId, TemplateVersionId},
    name::check_name,
    parameter::ParameterValue,
    parameter_resolution::{Missing, resolve},
    provisioner_job::{JobFilter, JobInput, JobLog, JobStatus, NewJob, ProvisionerJob},
    rbac::{Action, Object, ResourceType, Subject},
    service::{
        Deps,
        builds::{imported, job_tags},
        details::{self, JobDetails, MatchedProvisioners, ResourceDetails},
    },
    store::{Page, Transaction},
    template_version::TemplateVersion,
};

/// The name of the imagined workspace when none is given.
const WORKSPACE_NAME: &str = "dryrun";
/// Dry runs of one user that may wait or run at a time.
const MAX_ACTIVE: usize = 5;

/// What to imagine.
#[derive(Clone, Debug, Default)]
pub struct NewDryRun {
    /// Name of the workspace; may be empty.
    pub workspace_name: String,
    /// Values of parameters.
    pub parameters: Vec<ParameterValue>,
}

/// Queues a dry run.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) when the caller could not create a workspace from the version;
/// [`InvalidInput`](ErrorKind::InvalidInput) for the name, the parameters, and versions that could not be
/// imported; [`NotReady`](ErrorKind::NotReady) while it is imported; [`Conflict`](ErrorKind::Conflict) while
/// too many others of the caller are active.
pub async fn create_dry_run(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
    new: NewDryRun,
) -> Result<JobDetails, Error> {
    let mut tx = deps.begin().await?;
    let version = find(deps, &mut *tx, subject, Action::Read, id).await?;
    let object = Object::of(ResourceType::Workspace)
        .owned_by(subject.user_id)
        .in_organization(version.organization_id);
    deps.require(subject, Action::Create, &object)?;
    let workspace_name = if new.workspace_name.is_empty() {
        WORKSPACE_NAME.to_owned()
    } else {
        check_name("workspace_name", &new.workspace_name)?;
        new.workspace_name
    };
    let import = imported(&mut *tx, &version, "templateversion").await?;
    check_active(&mut *tx, subject, &version).await?;
    let parameters = tx.template_versions().parameters(id).await?;
    let values = resolve(&parameters, &[], &new.parameters, Missing::Refuse)?;
    let tags = job_tags(&mut *tx, id, &import, &values, subject.user_id).await?;
    let job = ProvisionerJob::queued(
        NewJob {
            id: ProvisionerJobId::generate(&*deps.entropy),
            organization_id: version.organization_id,
            initiator_id: subject.user_id,
            provisioner: import.provisioner,
            file_id: import.file_id,
            input: JobInput::TemplateVersionDryRun {
                template_version_id: id,
                workspace_name,
                rich_parameter_values: values,
            },
            tags,
        },
        deps.now(),
    );
    tx.provisioner_jobs().insert(&job).await?;
    tx.publish(Event::JobPosted {
        organization_id: job.organization_id,
        provisioner: job.provisioner,
    })
    .await?;
    let details = details::job(&mut *tx, deps.now(), job).await?;
    tx.commit().await?;
    Ok(details)
}

/// The state of a dry run.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn dry_run(
    deps: &Deps,
    subject: &Subject,
    version: TemplateVersionId,
    job: ProvisionerJobId,
) -> Result<JobDetails, Error> {
    let mut tx = deps.begin().await?;
    let job = find_job(deps, &mut *tx, subject, Action::Read, (version, job)).await?;
    let details = details::job(&mut *tx, deps.now(), job).await?;
    tx.commit().await?;
    Ok(details)
}

/// Asks for a dry run to end.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`PreconditionFailed`](ErrorKind::PreconditionFailed) when it ended or
/// was canceled before.
pub async fn cancel_dry_run(
    deps: &Deps,
    subject: &Subject,
    version: TemplateVersionId,
    job: ProvisionerJobId,
) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let job = find_job(deps, &mut *tx, subject, Action::Update, (version, job)).await?;
    if !tx.provisioner_jobs().cancel(job.id, deps.now()).await? {
        let message = "The dry run ended already or is being canceled.";
        return Err(Error::new(ErrorKind::PreconditionFailed, message));
    }
    tx.publish(Event::JobUpdated { job_id: job.id }).await?;
    tx.commit().await?;
    Ok(())
}

/// At most `limit` (0 for all) lines of a dry run's log between two ids, and whether more may come.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn dry_run_logs(
    deps: &Deps,
    subject: &Subject,
    (version, job): (TemplateVersionId, ProvisionerJobId),
    (after, before): (i64, Option<i64>),
    limit: u32,
) -> Result<(Vec<JobLog>, bool), Error> {
    let mut tx = deps.begin().await?;
    // The state before the lines: what has ended then has no further lines.
    let job = find_job(deps, &mut *tx, subject, Action::Read, (version, job)).await?;
    let lines = tx
        .provisioner_jobs()
        .logs(job.id, after, before, limit)
        .await?;
    tx.commit().await?;
    Ok((lines, !job.status().is_final()))
}

/// The daemons that fit a dry run.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn dry_run_matched_provisioners(
    deps: &Deps,
    subject: &Subject,
    version: TemplateVersionId,
    job: ProvisionerJobId,
) -> Result<MatchedProvisioners, Error> {
    let mut tx = deps.begin().await?;
    let job = find_job(deps, &mut *tx, subject, Action::Read, (version, job)).await?;
    let matched = details::matched_provisioners(&mut *tx, deps.now(), &job).await?;
    tx.commit().await?;
    Ok(matched)
}

/// The resources that a dry run planned.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`NotReady`](ErrorKind::NotReady) until it ends.
pub async fn dry_run_resources(
    deps: &Deps,
    subject: &Subject,
    version: TemplateVersionId,
    job: ProvisionerJobId,
) -> Result<Vec<ResourceDetails>, Error> {
    let mut tx = deps.begin().await?;
    let job = find_job(deps, &mut *tx, subject, Action::Read, (version, job)).await?;
    if !job.status().is_final() {
        let message = "The dry run has not ended yet.";
        return Err(Error::new(ErrorKind::NotReady, message));
    }
    let resources = tx.workspace_resources().by_jobs(&[job.id]).await?;
    let resources = details::resources(&mut *tx, resources).await?;
    tx.commit().await?;
    Ok(resources)
}

/// A dry run of the version, if the caller may do `action` to the workspaces of who asked for it.
async fn find_job(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    action: Action,
    (version, job): (TemplateVersionId, ProvisionerJobId),
) -> Result<ProvisionerJob, Error> {
    let version = find(deps, tx, subject, Action::Read, version).await?;
    let job = tx.provisioner_jobs().get(job).await?;
    let job = job.ok_or_else(Error::not_found)?;
    match job.input {
        JobInput::TemplateVersionDryRun {
            template_version_id,
            ..
        } if template_version_id == version.id => {}
        _ => return Err(Error::not_found()),
    }
    let object = Object::of(ResourceType::Workspace)
        .owned_by(job.initiator_id)
        .in_organization(version.organization_id);
    deps.require(subject, action, &object)?;
    Ok(job)
}

/// Nothing else bounds how many plans somebody queues.
async fn check_active(
    tx: &mut dyn Transaction,
    subject: &Subject,
    version: &TemplateVersion,
) -> Result<(), Error> {
    let filter = JobFilter {
        status: vec![JobStatus::Pending, JobStatus::Running, JobStatus::Canceling],
        initiator_id: Some(subject.user_id),
        ..JobFilter::default()
    };
    let active = tx
        .provisioner_jobs()
        .list(version.organization_id, &filter, Page::ALL)
        .await?;
    let runs = active
        .iter()
        .filter(|job| matches!(job.input, JobInput::TemplateVersionDryRun { .. }));
    if runs.count() >= MAX_ACTIVE {
        let message = "Too many of your dry runs have not ended yet.";
        return Err(Error::conflict(message));
    }
    Ok(())
}

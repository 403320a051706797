//! Archiving versions: they stay readable, but nothing new is built from them.

use super::find::find;
use crate::{
    Error,
    id::{ProvisionerJobId, TemplateId, TemplateVersionId},
    provisioner_job::JobStatus,
    rbac::{Action, Subject},
    service::{Deps, templates},
    store::{Page, Transaction},
    workspace::WorkspaceFilter,
};
use std::collections::{BTreeMap, BTreeSet};

/// Archives a version or brings it back.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`InvalidInput`](crate::ErrorKind::InvalidInput) for the active
/// version and when it is so already.
pub async fn set_archived(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
    archived: bool,
) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let mut version = find(deps, &mut *tx, subject, Action::Update, id).await?;
    if version.archived == archived {
        let message = if archived {
            "The version is archived."
        } else {
            "The version is not archived."
        };
        return Err(Error::invalid(message));
    }
    if archived && let Some(template) = version.template_id {
        let template = tx.templates().get(template).await?;
        if template.is_some_and(|template| template.active_version_id == version.id) {
            return Err(Error::invalid("The active version cannot be archived."));
        }
        if used_versions(&mut *tx, version.template_id)
            .await?
            .contains(&version.id)
        {
            return Err(Error::invalid("Workspaces use this version."));
        }
    }
    version.archived = archived;
    version.updated_at = deps.now();
    tx.template_versions().update(&version).await?;
    tx.commit().await?;
    Ok(())
}

/// Archives the versions of a template whose import failed, or with `all` every one that is not in use.
/// Answers which.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn archive_unused(
    deps: &Deps,
    subject: &Subject,
    template: TemplateId,
    all: bool,
) -> Result<Vec<TemplateVersionId>, Error> {
    let mut tx = deps.begin().await?;
    let template = templates::find(deps, &mut *tx, subject, Action::Update, template).await?;
    let versions = tx
        .template_versions()
        .list(template.id, false, Page::ALL)
        .await?;
    let jobs: Vec<ProvisionerJobId> = versions.iter().map(|version| version.job_id).collect();
    let jobs = tx.provisioner_jobs().get_many(&jobs).await?;
    let status: BTreeMap<ProvisionerJobId, JobStatus> =
        jobs.iter().map(|job| (job.id, job.status())).collect();
    let used = used_versions(&mut *tx, Some(template.id)).await?;
    let mut archived = Vec::new();
    for mut version in versions {
        let status = status.get(&version.job_id);
        let ended = status.is_some_and(|status| status.is_final());
        let failed = status.is_some_and(|status| ended && *status != JobStatus::Succeeded);
        let in_use = version.id == template.active_version_id || used.contains(&version.id);
        if in_use || !(failed || (all && ended)) {
            continue;
        }
        version.archived = true;
        version.updated_at = deps.now();
        tx.template_versions().update(&version).await?;
        archived.push(version.id);
    }
    tx.commit().await?;
    Ok(archived)
}

/// The versions that the newest builds of a template's workspaces use.
async fn used_versions(
    tx: &mut dyn Transaction,
    template: Option<TemplateId>,
) -> Result<BTreeSet<TemplateVersionId>, Error> {
    let Some(template) = template else {
        return Ok(BTreeSet::new());
    };
    let filter = WorkspaceFilter {
        template_ids: vec![template],
        ..WorkspaceFilter::default()
    };
    let nobody = crate::id::UserId(uuid::Uuid::nil());
    let (workspaces, _) = tx.workspaces().list(&filter, nobody, Page::ALL).await?;
    let ids: Vec<_> = workspaces.iter().map(|workspace| workspace.id).collect();
    let builds = tx.workspace_builds().latest_many(&ids).await?;
    Ok(builds
        .into_iter()
        .map(|build| build.template_version_id)
        .collect())
}

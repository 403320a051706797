//! Finding versions.

use crate::{
    Error,
    id::{OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, UserId},
    provisioner_job::{JobStatus, ProvisionerJob},
    rbac::{Action, Subject},
    service::{
        Deps,
        details::{self, JobDetails, MatchedProvisioners},
        organizations, templates,
    },
    store::{Page, Transaction},
    template_version::TemplateVersion,
    user::User,
};
use std::collections::BTreeMap;

/// A version with what clients show beside it.
#[derive(Clone, Debug)]
pub struct VersionDetails {
    /// The version.
    pub version: TemplateVersion,
    /// Its import.
    pub job: JobDetails,
    /// Who pushed it.
    pub created_by: Option<User>,
    /// The daemons that fit the import, while it waits; not looked up for lists.
    pub matched: Option<MatchedProvisioners>,
}

/// Finds a version on whose template the caller may do `action`.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn find(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    action: Action,
    id: TemplateVersionId,
) -> Result<TemplateVersion, Error> {
    let found = tx.template_versions().get(id).await?;
    deps.permitted(subject, action, found)
}

/// A version that the caller may see.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn get(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<VersionDetails, Error> {
    let mut tx = deps.begin().await?;
    let version = find(deps, &mut *tx, subject, Action::Read, id).await?;
    let found = with_details(deps, &mut *tx, version).await?;
    tx.commit().await?;
    Ok(found)
}

/// A version by its name in a template.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn get_by_name(
    deps: &Deps,
    subject: &Subject,
    template: TemplateId,
    name: &str,
) -> Result<VersionDetails, Error> {
    let mut tx = deps.begin().await?;
    let template = templates::find(deps, &mut *tx, subject, Action::Read, template).await?;
    let version = tx.template_versions().by_name(template.id, name).await?;
    let version = deps.permitted(subject, Action::Read, version)?;
    let found = with_details(deps, &mut *tx, version).await?;
    tx.commit().await?;
    Ok(found)
}

/// The version pushed before the named one, if there is one.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) when the named one is not there.
pub async fn get_previous(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    template: &str,
    name: &str,
) -> Result<Option<VersionDetails>, Error> {
    let mut tx = deps.begin().await?;
    let organization = organizations::find(deps, &mut *tx, subject, organization).await?;
    let template = tx.templates().by_name(organization.id, template).await?;
    let template = deps.permitted(subject, Action::Read, template)?;
    let version = tx.template_versions().by_name(template.id, name).await?;
    let version = version.ok_or_else(Error::not_found)?;
    let newest_first = tx
        .template_versions()
        .list(template.id, true, Page::ALL)
        .await?;
    let mut rest = newest_first
        .into_iter()
        .skip_while(|other| other.id != version.id);
    let found = match rest.nth(1) {
        Some(previous) => Some(with_details(deps, &mut *tx, previous).await?),
        None => None,
    };
    tx.commit().await?;
    Ok(found)
}

/// A template's versions, newest first.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn list(
    deps: &Deps,
    subject: &Subject,
    template: TemplateId,
    include_archived: bool,
    page: Page,
) -> Result<Vec<VersionDetails>, Error> {
    let mut tx = deps.begin().await?;
    let template = templates::find(deps, &mut *tx, subject, Action::Read, template).await?;
    let versions = tx
        .template_versions()
        .list(template.id, include_archived, page)
        .await?;
    let found = add_details(deps, &mut *tx, versions).await?;
    tx.commit().await?;
    Ok(found)
}

pub(super) async fn with_details(
    deps: &Deps,
    tx: &mut dyn Transaction,
    version: TemplateVersion,
) -> Result<VersionDetails, Error> {
    let mut found = add_details(deps, tx, vec![version]).await?;
    let mut found = found
        .pop()
        .ok_or_else(|| Error::internal("a version has no job"))?;
    if found.job.job.status() == JobStatus::Pending {
        let matched = details::matched_provisioners(tx, deps.now(), &found.job.job).await?;
        found.matched = Some(matched);
    }
    Ok(found)
}

async fn add_details(
    deps: &Deps,
    tx: &mut dyn Transaction,
    versions: Vec<TemplateVersion>,
) -> Result<Vec<VersionDetails>, Error> {
    let job_ids: Vec<ProvisionerJobId> = versions.iter().map(|version| version.job_id).collect();
    let jobs: Vec<ProvisionerJob> = tx.provisioner_jobs().get_many(&job_ids).await?;
    let jobs = details::jobs(tx, deps.now(), jobs).await?;
    let mut jobs: BTreeMap<ProvisionerJobId, JobDetails> = jobs
        .into_iter()
        .map(|details| (details.job.id, details))
        .collect();
    let mut authors: Vec<UserId> = versions.iter().map(|version| version.created_by).collect();
    authors.sort();
    authors.dedup();
    let authors = tx.users().get_many(&authors).await?;
    let authors: BTreeMap<UserId, User> = authors.into_iter().map(|user| (user.id, user)).collect();
    let found = versions.into_iter().filter_map(|version| {
        Some(VersionDetails {
            job: jobs.remove(&version.job_id)?,
            created_by: authors.get(&version.created_by).cloned(),
            matched: None,
            version,
        })
    });
    Ok(found.collect())
}

/// An organization in which the caller may make versions.
pub(super) async fn organization(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    name: &str,
) -> Result<OrganizationId, Error> {
    Ok(organizations::find(deps, tx, subject, name).await?.id)
}

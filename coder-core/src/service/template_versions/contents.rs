//! What the import of a version found, and what it logs.

use super::find::find;
use crate::{
    Error, ErrorKind,
    id::TemplateVersionId,
    parameter::RichParameter,
    provisioner_job::{JobLog, ProvisionerJob},
    rbac::{Action, Subject},
    service::{
        Deps,
        details::{self, ResourceDetails},
    },
    store::Transaction,
    template_version::{ExternalAuthProvider, TemplateVersionPreset, TemplateVersionVariable},
};

/// The parameters of a version.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`NotReady`](ErrorKind::NotReady) while it is imported.
pub async fn parameters(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<Vec<RichParameter>, Error> {
    let mut tx = deps.begin().await?;
    require_ended(&job(deps, &mut *tx, subject, id).await?)?;
    let parameters = tx.template_versions().parameters(id).await?;
    tx.commit().await?;
    Ok(parameters)
}

/// The Terraform variables of a version; the values of sensitive ones are empty.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`NotReady`](ErrorKind::NotReady) while it is imported.
pub async fn variables(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<Vec<TemplateVersionVariable>, Error> {
    let mut tx = deps.begin().await?;
    require_ended(&job(deps, &mut *tx, subject, id).await?)?;
    let mut variables = tx.template_versions().variables(id).await?;
    tx.commit().await?;
    for variable in variables.iter_mut().filter(|variable| variable.sensitive) {
        variable.value = crate::secret::Secret::default();
        variable.default_value.clear();
    }
    Ok(variables)
}

/// The presets of a version.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`NotReady`](ErrorKind::NotReady) while it is imported.
pub async fn presets(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<Vec<TemplateVersionPreset>, Error> {
    let mut tx = deps.begin().await?;
    require_ended(&job(deps, &mut *tx, subject, id).await?)?;
    let presets = tx.template_versions().presets(id).await?;
    tx.commit().await?;
    Ok(presets)
}

/// The external logins that a version asks for.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`NotReady`](ErrorKind::NotReady) while it is imported.
pub async fn external_auth_providers(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<Vec<ExternalAuthProvider>, Error> {
    let mut tx = deps.begin().await?;
    require_ended(&job(deps, &mut *tx, subject, id).await?)?;
    let values = tx.template_versions().terraform_values(id).await?;
    tx.commit().await?;
    Ok(values.external_auth_providers)
}

/// The resources that the import found, with their agents, for starts and for stops.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`NotReady`](ErrorKind::NotReady) while it is imported.
pub async fn resources(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<Vec<ResourceDetails>, Error> {
    let mut tx = deps.begin().await?;
    let job = job(deps, &mut *tx, subject, id).await?;
    require_ended(&job)?;
    let resources = tx.workspace_resources().by_jobs(&[job.id]).await?;
    let resources = details::resources(&mut *tx, resources).await?;
    tx.commit().await?;
    Ok(resources)
}

/// At most `limit` (0 for all) lines of the import's log between two ids, and whether more may come. That is
/// found out before the lines are read: what has ended then has no further lines.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn logs(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
    after: i64,
    before: Option<i64>,
    limit: u32,
) -> Result<(Vec<JobLog>, bool), Error> {
    let mut tx = deps.begin().await?;
    let job = job(deps, &mut *tx, subject, id).await?;
    let lines = tx
        .provisioner_jobs()
        .logs(job.id, after, before, limit)
        .await?;
    tx.commit().await?;
    Ok((lines, !job.status().is_final()))
}

async fn job(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    id: TemplateVersionId,
) -> Result<ProvisionerJob, Error> {
    let version = find(deps, tx, subject, Action::Read, id).await?;
    let job = tx.provisioner_jobs().get(version.job_id).await?;
    job.ok_or_else(|| Error::internal("a version has no job"))
}

fn require_ended(job: &ProvisionerJob) -> Result<(), Error> {
    if job.status().is_final() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::NotReady,
        "The version is still being imported.",
    ))
}

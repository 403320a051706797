//! Which template versions can be built from.

use crate::{
    Error, ErrorKind, Result,
    id::TemplateVersionId,
    provisioner_job::{JobStatus, ProvisionerJob},
    store::Transaction,
    template::Template,
    template_version::TemplateVersion,
};

/// What a version is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum UseOf {
    /// Making something new of it.
    Creating,
    /// Going on with what was made of it, which archived versions permit too.
    Continuing,
}

/// The version with its import job, if it belongs to the template and was imported well.
pub(in crate::service) async fn usable(
    tx: &mut dyn Transaction,
    template: &Template,
    id: TemplateVersionId,
    use_of: UseOf,
) -> Result<(TemplateVersion, ProvisionerJob)> {
    let field = "template_version_id";
    let version = tx.template_versions().get(id).await?;
    let version = version
        .filter(|version| version.template_id == Some(template.id))
        .ok_or_else(|| Error::invalid_field(field, "is not a version of the template"))?;
    if version.archived && use_of == UseOf::Creating {
        return Err(Error::invalid_field(field, "is archived"));
    }
    let job = imported(tx, &version, field).await?;
    Ok((version, job))
}

/// The import of a version that succeeded.
pub(in crate::service) async fn imported(
    tx: &mut dyn Transaction,
    version: &TemplateVersion,
    field: &str,
) -> Result<ProvisionerJob> {
    let job = tx.provisioner_jobs().get(version.job_id).await?;
    let job = job.ok_or_else(|| Error::internal("a version has no import job"))?;
    match job.status() {
        JobStatus::Succeeded => Ok(job),
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling => {
            let message = "The template version is still being imported.";
            Err(Error::new(ErrorKind::NotReady, message))
        }
        JobStatus::Failed => Err(Error::invalid_field(field, "could not be imported")),
        JobStatus::Canceled => Err(Error::invalid_field(field, "has a canceled import")),
    }
}

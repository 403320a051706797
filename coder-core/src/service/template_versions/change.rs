//! Changes of versions.

use super::{
    create::{check_message, taken},
    find::{VersionDetails, find, with_details},
};
use crate::{
    Error,
    event::Event,
    id::TemplateVersionId,
    name::check_version_name,
    rbac::{Action, Subject},
    service::Deps,
};

/// What is given replaces what was.
#[derive(Clone, Debug, Default)]
pub struct VersionChange {
    /// Unique per template.
    pub name: Option<String>,
    /// Free text.
    pub message: Option<String>,
}

/// Renames a version or changes its message.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`InvalidInput`](crate::ErrorKind::InvalidInput) and
/// [`Conflict`](crate::ErrorKind::Conflict) naming fields.
pub async fn update(
    deps: &Deps,
    subject: &Subject,
    id: TemplateVersionId,
    change: VersionChange,
) -> Result<VersionDetails, Error> {
    let mut tx = deps.begin().await?;
    let mut version = find(deps, &mut *tx, subject, Action::Update, id).await?;
    if let Some(name) = change.name.filter(|name| !name.is_empty()) {
        check_version_name("name", &name)?;
        version.name = name;
    }
    if let Some(message) = change.message {
        check_message(&message)?;
        version.message = message;
    }
    version.updated_at = deps.now();
    tx.template_versions()
        .update(&version)
        .await
        .map_err(taken)?;
    let details = with_details(deps, &mut *tx, version).await?;
    tx.commit().await?;
    Ok(details)
}

/// Asks for the import of a version to end.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed)
/// when it ended or was canceled before.
pub async fn cancel(deps: &Deps, subject: &Subject, id: TemplateVersionId) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let version = find(deps, &mut *tx, subject, Action::Update, id).await?;
    if !tx
        .provisioner_jobs()
        .cancel(version.job_id, deps.now())
        .await?
    {
        let message = "The import ended already or is being canceled.";
        return Err(Error::new(crate::ErrorKind::PreconditionFailed, message));
    }
    tx.publish(Event::JobUpdated {
        job_id: version.job_id,
    })
    .await?;
    tx.commit().await?;
    Ok(())
}

//! Changes of templates.

use super::{
    create::{check_texts, require_imported, taken},
    find::{TemplateDetails, find, with_details},
    policy::PolicyChange,
};
use crate::{
    Error,
    id::{TemplateId, TemplateVersionId},
    name::check_name,
    rbac::{Action, Subject},
    service::Deps,
};

/// What is given replaces what was.
#[derive(Clone, Debug, Default)]
pub struct TemplateChange {
    /// Unique per organization.
    pub name: Option<String>,
    /// Shown instead of the name; may be empty.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// URL or path of an icon, may be empty.
    pub icon: Option<String>,
    /// Schedules and permissions.
    pub policy: PolicyChange,
}

/// Changes a template.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`InvalidInput`](crate::ErrorKind::InvalidInput) and
/// [`Conflict`](crate::ErrorKind::Conflict) naming fields.
pub async fn update(
    deps: &Deps,
    subject: &Subject,
    id: TemplateId,
    change: TemplateChange,
) -> Result<TemplateDetails, Error> {
    let mut tx = deps.begin().await?;
    let mut template = find(deps, &mut *tx, subject, Action::Update, id).await?;
    // Clients send an empty name for an unchanged one.
    if let Some(name) = change.name.filter(|name| !name.is_empty()) {
        check_name("name", &name)?;
        template.name = name;
    }
    if let Some(display_name) = change.display_name {
        template.display_name = display_name;
    }
    if let Some(description) = change.description {
        template.description = description;
    }
    if let Some(icon) = change.icon {
        template.icon = icon;
    }
    check_texts(&template.display_name, &template.description)?;
    change.policy.apply(&mut template.policy)?;
    template.updated_at = deps.now();
    tx.templates().update(&template).await.map_err(taken)?;
    let details = with_details(&mut *tx, template).await?;
    tx.commit().await?;
    Ok(details)
}

/// Makes a version the one that new workspaces get.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`InvalidInput`](crate::ErrorKind::InvalidInput) for a version
/// of another template or an archived one, [`NotReady`](crate::ErrorKind::NotReady) before it is imported.
pub async fn promote(
    deps: &Deps,
    subject: &Subject,
    id: TemplateId,
    version: TemplateVersionId,
) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let mut template = find(deps, &mut *tx, subject, Action::Update, id).await?;
    let version = tx.template_versions().get(version).await?;
    let version = version.filter(|version| version.template_id == Some(template.id));
    let version =
        version.ok_or_else(|| Error::invalid_field("id", "is no version of this template"))?;
    if version.archived {
        return Err(Error::invalid_field("id", "is archived"));
    }
    let job = tx.provisioner_jobs().get(version.job_id).await?;
    let job = job.ok_or_else(|| Error::internal("a version has no job"))?;
    require_imported(job.status())?;
    template.active_version_id = version.id;
    template.updated_at = deps.now();
    tx.templates().update(&template).await?;
    tx.commit().await?;
    Ok(())
}

/// Deletes a template; its name becomes free again.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`InvalidInput`](crate::ErrorKind::InvalidInput) while there
/// are workspaces of it.
pub async fn delete(deps: &Deps, subject: &Subject, id: TemplateId) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let mut template = find(deps, &mut *tx, subject, Action::Delete, id).await?;
    let workspaces = tx.workspaces().count_of_template(template.id).await?;
    if workspaces > 0 {
        let message = format!("The template has {workspaces} workspaces, delete them first.");
        return Err(Error::invalid(message));
    }
    template.deleted = true;
    template.updated_at = deps.now();
    tx.templates().update(&template).await?;
    tx.commit().await?;
    Ok(())
}

//! New templates.

use super::{
    find::{TemplateDetails, with_details},
    policy::PolicyChange,
};
use crate::{
    Error, ErrorKind,
    id::{TemplateId, TemplateVersionId},
    name::{check_display_name, check_name},
    provisioner_job::JobStatus,
    rbac::{Action, Object, ResourceType, Subject},
    service::{Deps, organizations},
    store::StoreError,
    template::{Template, TemplatePolicy},
};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 128;

/// A template to make from an imported version.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// Unique per organization.
    pub name: String,
    /// Shown instead of the name; may be empty.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon, may be empty.
    pub icon: String,
    /// A version without a template.
    pub version_id: TemplateVersionId,
    /// What differs from the default policy.
    pub policy: PolicyChange,
}

/// Makes a template from a version whose import succeeded.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) without permission, [`NotReady`](ErrorKind::NotReady) while the
/// version is imported, [`InvalidInput`](ErrorKind::InvalidInput) and [`Conflict`](ErrorKind::Conflict)
/// naming fields.
pub async fn create(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    new: NewTemplate,
) -> Result<TemplateDetails, Error> {
    check_name("name", &new.name)?;
    check_texts(&new.display_name, &new.description)?;
    let mut policy = TemplatePolicy::default();
    new.policy.apply(&mut policy)?;
    let mut tx = deps.begin().await?;
    let organization = organizations::find(deps, &mut *tx, subject, organization).await?;
    let any = Object::of(ResourceType::Template).in_organization(organization.id);
    deps.require(subject, Action::Create, &any)?;
    let version = tx.template_versions().get(new.version_id).await?;
    let version = version.filter(|version| version.organization_id == organization.id);
    let mut version = version.ok_or_else(|| {
        Error::invalid_field("template_version_id", "is no version of this organization")
    })?;
    if version.template_id.is_some() {
        let detail = "belongs to a template already";
        return Err(Error::invalid_field("template_version_id", detail));
    }
    let job = tx.provisioner_jobs().get(version.job_id).await?;
    let job = job.ok_or_else(|| Error::internal("a version has no job"))?;
    require_imported(job.status())?;
    let now = deps.now();
    let template = Template {
        id: TemplateId::generate(&*deps.entropy),
        organization_id: organization.id,
        name: new.name,
        display_name: new.display_name,
        description: new.description,
        icon: new.icon,
        provisioner: job.provisioner,
        active_version_id: version.id,
        created_by: subject.user_id,
        created_at: now,
        updated_at: now,
        deleted: false,
        policy,
    };
    tx.templates().insert(&template).await.map_err(taken)?;
    version.template_id = Some(template.id);
    version.updated_at = now;
    tx.template_versions().update(&version).await?;
    let details = with_details(&mut *tx, template).await?;
    tx.commit().await?;
    Ok(details)
}

/// Refuses to use a version before its import succeeded.
pub(super) fn require_imported(status: JobStatus) -> Result<(), Error> {
    match status {
        JobStatus::Succeeded => Ok(()),
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling => Err(Error::new(
            ErrorKind::NotReady,
            "The version is still being imported.",
        )),
        JobStatus::Failed | JobStatus::Canceled => {
            let message = "The version was not imported, it cannot be used.";
            Err(Error::new(ErrorKind::PreconditionFailed, message))
        }
    }
}

pub(super) fn check_texts(display_name: &str, description: &str) -> Result<(), Error> {
    check_display_name("display_name", display_name)?;
    if description.chars().count() > MAX_DESCRIPTION {
        let detail = format!("must have at most {MAX_DESCRIPTION} characters");
        return Err(Error::invalid_field("description", detail));
    }
    Ok(())
}

/// Says that a name is taken.
pub(super) fn taken(error: StoreError) -> Error {
    if error.is_conflict_with("templates_organization_id_name_key") {
        let message = "A template with this name exists already.";
        return Error::conflict(message)
            .with_field("name", "is taken")
            .with_source(error);
    }
    error.into()
}

//! Pushing versions.

use super::find::{VersionDetails, organization, with_details};
use crate::{
    Error, ErrorKind,
    event::Event,
    id::{FileId, OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId},
    name::check_version_name,
    provisioner_job::{
        JobInput, NewJob, ProvisionerJob, ProvisionerType, Tags, check_tags, with_scope,
    },
    rbac::{Action, Object, ResourceType, Subject},
    secret::random_text,
    service::{Deps, templates},
    store::{StoreError, Transaction},
    template_version::{TemplateVersion, VariableValue},
};

/// The longest message, in characters.
pub(super) const MAX_MESSAGE: usize = 1_048_576;
/// Values that one version may carry.
const MAX_ENTRIES: usize = 256;

/// A version to make from an uploaded archive.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// Unique per template; made up when empty.
    pub name: String,
    /// Free text.
    pub message: String,
    /// The template that gets it, if it has one yet.
    pub template_id: Option<TemplateId>,
    /// The archive.
    pub file_id: FileId,
    /// What imports it.
    pub provisioner: ProvisionerType,
    /// Which daemons may.
    pub tags: Tags,
    /// Values for Terraform variables.
    pub user_variable_values: Vec<VariableValue>,
}

/// Makes a version and queues its import.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) without permission, [`InvalidInput`](ErrorKind::InvalidInput) and
/// [`Conflict`](ErrorKind::Conflict) naming fields.
pub async fn create(
    deps: &Deps,
    subject: &Subject,
    in_organization: &str,
    mut new: NewVersion,
) -> Result<VersionDetails, Error> {
    if new.name.is_empty() {
        new.name = random_text(&*deps.entropy, 10).to_lowercase();
    }
    check(&new)?;
    let mut tx = deps.begin().await?;
    let organization_id = organization(deps, &mut *tx, subject, in_organization).await?;
    check_target(deps, &mut *tx, subject, organization_id, &new).await?;
    let now = deps.now();
    let id = TemplateVersionId::generate(&*deps.entropy);
    let job = ProvisionerJob::queued(
        NewJob {
            id: ProvisionerJobId::generate(&*deps.entropy),
            organization_id,
            initiator_id: subject.user_id,
            provisioner: new.provisioner,
            file_id: new.file_id,
            input: JobInput::TemplateVersionImport {
                template_version_id: id,
                user_variable_values: new.user_variable_values,
            },
            tags: with_scope(new.tags, subject.user_id),
        },
        now,
    );
    let version = TemplateVersion {
        id,
        template_id: new.template_id,
        organization_id,
        name: new.name,
        message: new.message,
        readme: String::new(),
        job_id: job.id,
        created_by: subject.user_id,
        created_at: now,
        updated_at: now,
        archived: false,
        has_external_agent: false,
    };
    tx.provisioner_jobs().insert(&job).await?;
    tx.template_versions()
        .insert(&version)
        .await
        .map_err(taken)?;
    tx.publish(Event::JobPosted {
        organization_id,
        provisioner: job.provisioner,
    })
    .await?;
    let details = with_details(deps, &mut *tx, version).await?;
    tx.commit().await?;
    Ok(details)
}

fn check(new: &NewVersion) -> Result<(), Error> {
    check_version_name("name", &new.name)?;
    check_message(&new.message)?;
    if new.user_variable_values.len() > MAX_ENTRIES {
        let detail = format!("must have at most {MAX_ENTRIES} entries");
        return Err(Error::invalid_field("user_variable_values", detail));
    }
    let mut names: Vec<&str> = new
        .user_variable_values
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    names.sort_unstable();
    if names.iter().any(|name| name.is_empty())
        || names.windows(2).any(|pair| pair.first() == pair.last())
    {
        let detail = "must name each variable once";
        return Err(Error::invalid_field("user_variable_values", detail));
    }
    check_tags("tags", &new.tags)
}

pub(super) fn check_message(message: &str) -> Result<(), Error> {
    if message.chars().count() > MAX_MESSAGE {
        let detail = format!("must have at most {MAX_MESSAGE} characters");
        return Err(Error::invalid_field("message", detail));
    }
    Ok(())
}

/// Checks that the caller may add a version to that template, or a new one, from that archive.
async fn check_target(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    organization_id: OrganizationId,
    new: &NewVersion,
) -> Result<(), Error> {
    match new.template_id {
        Some(id) => {
            let template = templates::find(deps, tx, subject, Action::Update, id).await?;
            if template.organization_id != organization_id {
                return Err(Error::not_found());
            }
        }
        None => {
            let any = Object::of(ResourceType::Template).in_organization(organization_id);
            deps.require(subject, Action::Create, &any)?;
        }
    }
    let file = tx.files().get(new.file_id).await?;
    match deps.permitted(subject, Action::Read, file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::invalid_field(
            "file_id",
            "is no archive that you uploaded",
        )),
        Err(error) => Err(error),
    }
}

/// Says that a name is taken.
pub(super) fn taken(error: StoreError) -> Error {
    if error.is_conflict_with("template_versions_template_id_name_key") {
        let message = "A version of this template with this name exists already.";
        return Error::conflict(message)
            .with_field("name", "is taken")
            .with_source(error);
    }
    error.into()
}

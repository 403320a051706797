use super::{Workspaces, check_autostart, check_ttl};
use crate::{
    Error, ErrorKind, Result,
    id::{
        OrganizationId, TemplateId, TemplateVersionId, TemplateVersionPresetId, UserId, WorkspaceId,
    },
    name::check_name,
    parameter::ParameterValue,
    rbac::{Action, AsObject as _, Object, ResourceType, Subject},
    service::{
        builds::{BuildPlan, NewBuild, UseOf, insert, usable},
        unit::{ATTEMPTS, met_another, settle},
    },
    store::{StoreError, Transaction},
    template::Template,
    user::User,
    workspace::{AutomaticUpdates, Workspace},
    workspace_build::WorkspaceTransition,
};

/// What is asked for when a workspace is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    /// Whose it will be.
    pub owner_id: UserId,
    /// Where, if the caller said; the template must be of it.
    pub organization_id: Option<OrganizationId>,
    /// From the active version of this template.
    pub template_id: Option<TemplateId>,
    /// From this version; exactly one of the two.
    pub template_version_id: Option<TemplateVersionId>,
    /// A preset of that version; its values count more than those chosen one by one.
    pub template_version_preset_id: Option<TemplateVersionPresetId>,
    /// Its name.
    pub name: String,
    /// Cron text.
    pub autostart_schedule: Option<String>,
    /// Time until it stops, milliseconds; the template's when `None`.
    pub ttl_ms: Option<i64>,
    /// Values of parameters.
    pub parameters: Vec<ParameterValue>,
    /// Whether a start updates it.
    pub automatic_updates: AutomaticUpdates,
}

impl NewWorkspace {
    /// A workspace from the active version of a template, with nothing else asked for.
    #[must_use]
    pub fn of(owner_id: UserId, template_id: TemplateId, name: impl Into<String>) -> Self {
        Self {
            owner_id,
            organization_id: None,
            template_id: Some(template_id),
            template_version_id: None,
            template_version_preset_id: None,
            name: name.into(),
            autostart_schedule: None,
            ttl_ms: None,
            parameters: Vec::new(),
            automatic_updates: AutomaticUpdates::Never,
        }
    }
}

impl Workspaces {
    /// Creates a workspace and queues its first build, in one transaction.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the caller may not create workspaces for the owner;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for the name, the template, the parameters;
    /// [`Conflict`](ErrorKind::Conflict) naming `name` when it is taken;
    /// [`NotReady`](ErrorKind::NotReady) while the version is being imported.
    pub async fn create(&self, subject: &Subject, request: &NewWorkspace) -> Result<Workspace> {
        check_name("name", &request.name)?;
        if let Some(schedule) = &request.autostart_schedule {
            check_autostart("autostart_schedule", schedule)?;
        }
        check_ttl("ttl_ms", request.ttl_ms)?;
        let mut attempt = 1;
        loop {
            let mut tx = self.deps.begin().await?;
            let created = self.create_in(tx.as_mut(), subject, request).await;
            match settle(tx, created).await {
                Err(error) if met_another(&error) && attempt < ATTEMPTS => attempt += 1,
                settled => return settled,
            }
        }
    }

    async fn create_in(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        request: &NewWorkspace,
    ) -> Result<Workspace> {
        let owner = tx.users().get(request.owner_id).await?;
        let owner = owner
            .filter(|owner| !owner.deleted)
            .ok_or_else(Error::not_found)?;
        // Before anything else is looked at: who may create nothing for the owner learns nothing.
        let of_owner = Object::of(ResourceType::Workspace).owned_by(owner.id);
        let mut places = subject.organizations.keys();
        if !self.deps.allows(subject, Action::Create, &of_owner)
            && !places.any(|&place| {
                let object = of_owner.clone().in_organization(place);
                self.deps.allows(subject, Action::Create, &object)
            })
        {
            return Err(Error::not_found());
        }
        let (template, version_id) = self.template_of(tx, subject, &owner, request).await?;
        let (version, import) = usable(tx, &template, version_id, UseOf::Creating).await?;
        let now = self.deps.now();
        let workspace = Workspace {
            id: WorkspaceId::generate(&*self.deps.entropy),
            owner_id: owner.id,
            organization_id: template.organization_id,
            template_id: template.id,
            name: request.name.clone(),
            autostart_schedule: request
                .autostart_schedule
                .clone()
                .filter(|text| !text.is_empty()),
            ttl_ms: first_ttl(&template, request.ttl_ms),
            last_used_at: now,
            created_at: now,
            updated_at: now,
            deleted: false,
            dormant_at: None,
            deleting_at: None,
            automatic_updates: request.automatic_updates,
            favorite: false,
            next_start_at: None,
        };
        tx.workspaces()
            .insert(&workspace)
            .await
            .map_err(name_taken)?;
        let plan = BuildPlan {
            initiator: if subject.is_system() {
                owner.id
            } else {
                subject.user_id
            },
            workspace: &workspace,
            template: &template,
            version: &version,
            import: &import,
            previous: None,
            request: &NewBuild {
                template_version_preset_id: request.template_version_preset_id,
                parameters: request.parameters.clone(),
                ..NewBuild::of(WorkspaceTransition::Start)
            },
        };
        insert(&self.deps, tx, plan).await?;
        Ok(workspace)
    }

    /// The template, if the caller may use it and create workspaces for the owner, and the version.
    async fn template_of(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        owner: &User,
        request: &NewWorkspace,
    ) -> Result<(Template, TemplateVersionId)> {
        let (field, found) = match (request.template_id, request.template_version_id) {
            (Some(id), None) => ("template_id", tx.templates().get(id).await?),
            (None, Some(id)) => {
                let version = tx.template_versions().get(id).await?;
                let template = match version.and_then(|version| version.template_id) {
                    Some(template) => tx.templates().get(template).await?,
                    None => None,
                };
                ("template_version_id", template)
            }
            (None, None) | (Some(_), Some(_)) => {
                let detail = "exactly one of template_id and template_version_id is needed";
                return Err(Error::invalid_field("template_id", detail));
            }
        };
        // Hidden and absent templates look the same.
        let found = found.filter(|template| {
            !template.deleted
                && request
                    .organization_id
                    .is_none_or(|id| id == template.organization_id)
                && self
                    .deps
                    .allows(subject, Action::Use, &template.as_object())
        });
        let template = found.ok_or_else(|| Error::invalid_field(field, "is not a template"))?;
        let object = Object::of(ResourceType::Workspace)
            .owned_by(owner.id)
            .in_organization(template.organization_id);
        self.deps.require(subject, Action::Create, &object)?;
        if tx
            .organizations()
            .member(template.organization_id, owner.id)
            .await?
            .is_none()
        {
            let message = "The owner is not a member of the template's organization.";
            return Err(Error::invalid(message));
        }
        if !template.policy.deprecation_message.is_empty() {
            let message = format!(
                "The template is deprecated: {}",
                template.policy.deprecation_message
            );
            return Err(Error::invalid(message));
        }
        let version = request
            .template_version_id
            .unwrap_or(template.active_version_id);
        let bound = template.policy.require_active_version
            && !self
                .deps
                .allows(subject, Action::Update, &template.as_object());
        if bound && version != template.active_version_id {
            let message = "The template requires its active version.";
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        Ok((template, version))
    }
}

/// What the user chose where the template permits it, else the template's default.
fn first_ttl(template: &Template, chosen: Option<i64>) -> Option<i64> {
    let default = (template.policy.default_ttl_ms > 0).then_some(template.policy.default_ttl_ms);
    let chosen = chosen.filter(|_| template.policy.allow_user_autostop);
    // Zero says "never" on purpose.
    chosen.or(default).filter(|&ttl| ttl > 0)
}

pub(super) fn name_taken(error: StoreError) -> Error {
    if error.is_conflict_with("workspaces_owner_id_name_key") {
        let detail = "is already the name of one of the owner's workspaces";
        return Error::conflict("A workspace with this name exists already.")
            .with_field("name", detail)
            .with_source(error);
    }
    error.into()
}

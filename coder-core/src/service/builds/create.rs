use super::{BuildPlan, Builds, UseOf, insert, state::check_size, usable};
use crate::{
    Error, ErrorKind, Result,
    id::{TemplateVersionId, TemplateVersionPresetId, UserId, WorkspaceId},
    parameter::ParameterValue,
    rbac::{Action, AsObject as _, Object, ResourceType, Subject},
    service::unit::{ATTEMPTS, met_another, permitted_visibly, settle},
    store::Transaction,
    template::Template,
    workspace::Workspace,
    workspace_build::{BuildReason, WorkspaceBuild, WorkspaceTransition},
};

/// What is asked for when a workspace is built.
#[derive(Clone, PartialEq, Eq)]
pub struct NewBuild {
    /// Where to.
    pub transition: WorkspaceTransition,
    /// Made of this version instead of the last one.
    pub template_version_id: Option<TemplateVersionId>,
    /// A preset of that version; its values count more than those chosen one by one.
    pub template_version_preset_id: Option<TemplateVersionPresetId>,
    /// Values chosen now.
    pub parameters: Vec<ParameterValue>,
    /// Terraform state to begin from instead of the stored one.
    pub state: Option<Vec<u8>>,
    /// Forgets the resources instead of destroying them; only with a delete.
    pub orphan: bool,
    /// Asks Terraform for debug logs.
    pub debug_logs: bool,
    /// Why.
    pub reason: BuildReason,
}

impl NewBuild {
    /// An ordinary build.
    #[must_use]
    pub const fn of(transition: WorkspaceTransition) -> Self {
        Self {
            transition,
            template_version_id: None,
            template_version_preset_id: None,
            parameters: Vec::new(),
            state: None,
            orphan: false,
            debug_logs: false,
            reason: BuildReason::Initiator,
        }
    }
}

impl std::fmt::Debug for NewBuild {
    /// Leaves out the values and the state, which may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewBuild")
            .field("transition", &self.transition)
            .field("template_version_id", &self.template_version_id)
            .field("orphan", &self.orphan)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl Builds {
    /// Queues a build of a workspace. At most one is active per workspace.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Forbidden`](ErrorKind::Forbidden);
    /// [`InvalidInput`](ErrorKind::InvalidInput) for parameters and versions;
    /// [`TooLarge`](ErrorKind::TooLarge) for the state;
    /// [`NotReady`](ErrorKind::NotReady) while the version is being imported;
    /// [`Conflict`](ErrorKind::Conflict) while another build is active.
    pub async fn create(
        &self,
        subject: &Subject,
        workspace: WorkspaceId,
        request: &NewBuild,
    ) -> Result<WorkspaceBuild> {
        let mut attempt = 1;
        loop {
            let mut tx = self.deps.begin().await?;
            let created = self
                .create_in(tx.as_mut(), subject, workspace, request)
                .await;
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
        id: WorkspaceId,
        request: &NewBuild,
    ) -> Result<WorkspaceBuild> {
        let found = tx.workspaces().get_for_update(id).await?;
        let found = found.filter(|workspace| !workspace.deleted);
        let action = match request.transition {
            WorkspaceTransition::Start => Action::Start,
            WorkspaceTransition::Stop => Action::Stop,
            WorkspaceTransition::Delete => Action::Delete,
        };
        let workspace = permitted_visibly(&self.deps, subject, action, found)?;
        let template = tx.templates().get(workspace.template_id).await?;
        let template = template.ok_or_else(|| Error::internal("a workspace has no template"))?;
        self.check_privileges(subject, &template, request)?;

        let previous = tx.workspace_builds().latest(id).await?;
        let version_id = self.version_for(subject, &template, previous.as_ref(), request)?;
        let starts = request.transition == WorkspaceTransition::Start;
        let same = previous.as_ref().map(|build| build.template_version_id) == Some(version_id);
        let use_of = if starts && !same {
            UseOf::Creating
        } else {
            UseOf::Continuing
        };
        let (version, import) = usable(tx, &template, version_id, use_of).await?;
        check_idle(tx, previous.as_ref()).await?;

        let plan = BuildPlan {
            initiator: initiator(subject, &workspace),
            workspace: &workspace,
            template: &template,
            version: &version,
            import: &import,
            previous: previous.as_ref(),
            request,
        };
        insert(&self.deps, tx, plan).await
    }

    /// What only those may ask for who look after the template or the deployment.
    fn check_privileges(
        &self,
        subject: &Subject,
        template: &Template,
        request: &NewBuild,
    ) -> Result<()> {
        if request.orphan && request.transition != WorkspaceTransition::Delete {
            return Err(Error::invalid_field(
                "orphan",
                "is only possible with a delete",
            ));
        }
        if request.orphan && request.state.is_some() {
            return Err(Error::invalid_field(
                "state",
                "cannot be given together with orphan",
            ));
        }
        let object = template.as_object();
        if (request.orphan || request.state.is_some())
            && !self.deps.allows(subject, Action::Update, &object)
        {
            let message = "Only administrators of the template may replace or forget the state.";
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        if let Some(state) = &request.state {
            check_size(state)?;
        }
        if request.debug_logs {
            let config = Object::of(ResourceType::DeploymentConfig);
            if !self.deps.allows(subject, Action::Read, &config) {
                let message = "Only administrators of the deployment may ask for debug logs.";
                return Err(Error::new(ErrorKind::Forbidden, message));
            }
            if !self.debug_logs {
                let detail = "is not permitted by the server, see --enable-terraform-debug-mode";
                return Err(Error::invalid_field("log_level", detail));
            }
        }
        Ok(())
    }

    /// The version asked for, else the last build's, unless the template insists on its active one.
    fn version_for(
        &self,
        subject: &Subject,
        template: &Template,
        previous: Option<&WorkspaceBuild>,
        request: &NewBuild,
    ) -> Result<TemplateVersionId> {
        let active = template.active_version_id;
        let starts = request.transition == WorkspaceTransition::Start;
        let bound = template.policy.require_active_version
            && starts
            && !self
                .deps
                .allows(subject, Action::Update, &template.as_object());
        match request.template_version_id {
            Some(version) if bound && version != active => {
                let message = "The template requires its active version.";
                Err(Error::new(ErrorKind::Forbidden, message))
            }
            Some(version) => Ok(version),
            None if bound => Ok(active),
            None => Ok(previous.map_or(active, |build| build.template_version_id)),
        }
    }
}

/// Refuses while the newest build is active.
async fn check_idle(tx: &mut dyn Transaction, previous: Option<&WorkspaceBuild>) -> Result<()> {
    let Some(previous) = previous else {
        return Ok(());
    };
    let job = tx.provisioner_jobs().get(previous.job_id).await?;
    match job {
        Some(job) if !job.status().is_final() => {
            Err(Error::conflict("A workspace build is already active."))
        }
        _ => Ok(()),
    }
}

/// What the platform does, it does for the owner.
fn initiator(subject: &Subject, workspace: &Workspace) -> UserId {
    if subject.is_system() {
        workspace.owner_id
    } else {
        subject.user_id
    }
}

//! The Terraform state of builds, read and replaced by hand.

use super::Builds;
use crate::{
    Error, ErrorKind, Result,
    id::{WorkspaceBuildId, WorkspaceId},
    rbac::{Action, AsObject as _, Subject},
    service::unit::{permitted_visibly, settle},
    store::Transaction,
    workspace::Workspace,
    workspace_build::MAX_STATE_BYTES,
};

impl Builds {
    /// The Terraform state of a build, which holds secrets: for administrators of the template only.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Forbidden`](crate::ErrorKind::Forbidden).
    pub async fn state(&self, subject: &Subject, id: WorkspaceBuildId) -> Result<Vec<u8>> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let (build, workspace) = self.readable(tx, subject, id).await?;
            self.require_template_update(tx, subject, &workspace)
                .await?;
            Ok(tx.workspace_builds().state(build.id).await?)
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// Replaces the Terraform state of a build that is not active.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Forbidden`](crate::ErrorKind::Forbidden);
    /// [`TooLarge`](crate::ErrorKind::TooLarge); [`Conflict`](crate::ErrorKind::Conflict) while the build runs.
    pub async fn set_state(
        &self,
        subject: &Subject,
        id: WorkspaceBuildId,
        state: &[u8],
    ) -> Result<()> {
        check_size(state)?;
        let mut tx = self.deps.begin().await?;
        let set = async {
            let tx = tx.as_mut();
            let (build, workspace) = self.readable(tx, subject, id).await?;
            self.require_template_update(tx, subject, &workspace)
                .await?;
            // Held, so that no build begins from the old state meanwhile.
            tx.workspaces().get_for_update(workspace.id).await?;
            let job = tx.provisioner_jobs().get_for_update(build.job_id).await?;
            if job.is_some_and(|job| !job.status().is_final()) {
                return Err(Error::conflict(
                    "The build is active and will write its state.",
                ));
            }
            Ok(tx.workspace_builds().set_state(build.id, state).await?)
        };
        let set = set.await;
        settle(tx, set).await
    }

    /// Whether the caller may replace the state of this build: asked before a large one is read.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn may_set_state(&self, subject: &Subject, id: WorkspaceBuildId) -> Result<bool> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            match tx.workspace_builds().get(id).await? {
                Some(build) => self.may_replace(tx, subject, build.workspace_id).await,
                None => Ok(false),
            }
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// Whether the caller may let this workspace be built from a state of their own: asked before a large one is
    /// read.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn may_build_from_state(&self, subject: &Subject, id: WorkspaceId) -> Result<bool> {
        let mut tx = self.deps.begin().await?;
        let found = self.may_replace(tx.as_mut(), subject, id).await;
        settle(tx, found).await
    }

    async fn may_replace(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        workspace: WorkspaceId,
    ) -> Result<bool> {
        let Some(workspace) = tx.workspaces().get(workspace).await? else {
            return Ok(false);
        };
        let template = tx.templates().get(workspace.template_id).await?;
        let may = |action, object| self.deps.allows(subject, action, &object);
        Ok(template.is_some_and(|template| {
            may(Action::Read, workspace.as_object()) && may(Action::Update, template.as_object())
        }))
    }

    async fn require_template_update(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        workspace: &Workspace,
    ) -> Result<()> {
        let template = tx.templates().get(workspace.template_id).await?;
        permitted_visibly(&self.deps, subject, Action::Update, template).map(drop)
    }
}

/// Refuses a state that no daemon would take.
pub(super) fn check_size(state: &[u8]) -> Result<()> {
    if state.len() <= MAX_STATE_BYTES {
        return Ok(());
    }
    let message = format!("The state exceeds the maximum size of {MAX_STATE_BYTES} bytes.");
    Err(Error::new(ErrorKind::TooLarge, message))
}

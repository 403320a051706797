use super::Builds;
use crate::{
    Error, ErrorKind, Result,
    event::Event,
    id::WorkspaceBuildId,
    provisioner_job::JobStatus,
    rbac::{Action, Subject},
    service::unit::{permitted_visibly, settle},
    store::Transaction,
};

impl Builds {
    /// Asks for a build to be canceled. A pending one ends at once; a running one when its daemon has
    /// stopped, within seconds unless the template's resources resist.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Forbidden`](ErrorKind::Forbidden) when it runs and neither
    /// the template nor the caller's role permits it;
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) when it is not in the state `expected`;
    /// [`InvalidInput`](ErrorKind::InvalidInput) when it has ended or been canceled before.
    pub async fn cancel(
        &self,
        subject: &Subject,
        id: WorkspaceBuildId,
        expected: Option<JobStatus>,
    ) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let canceled = self.cancel_in(tx.as_mut(), subject, id, expected).await;
        settle(tx, canceled).await
    }

    async fn cancel_in(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        id: WorkspaceBuildId,
        expected: Option<JobStatus>,
    ) -> Result<()> {
        let build = tx
            .workspace_builds()
            .get(id)
            .await?
            .ok_or_else(Error::not_found)?;
        let workspace = tx.workspaces().get(build.workspace_id).await?;
        let workspace = permitted_visibly(&self.deps, subject, Action::Update, workspace)?;
        // Held until the end: a daemon cannot claim or finish it between the look and the cancel.
        let job = tx.provisioner_jobs().get_for_update(build.job_id).await?;
        let job = job.ok_or_else(|| Error::internal("a build has no job"))?;
        let status = job.status();
        if let Some(expected) = expected.filter(|&expected| expected != status) {
            let message = format!("The build is {status}, not {expected}.");
            return Err(Error::new(ErrorKind::PreconditionFailed, message));
        }
        if status.is_final() {
            return Err(Error::invalid("The build has ended already."));
        }
        if job.canceled_at.is_some() {
            return Err(Error::invalid("The build has been canceled already."));
        }
        if status == JobStatus::Running && !subject.has_role("owner") && !subject.is_system() {
            let template = tx.templates().get(workspace.template_id).await?;
            let permitted =
                template.is_some_and(|template| template.policy.allow_user_cancel_workspace_jobs);
            if !permitted {
                let message = "The template does not permit users to cancel running builds.";
                return Err(Error::new(ErrorKind::Forbidden, message));
            }
        }
        tx.provisioner_jobs()
            .cancel(job.id, self.deps.now())
            .await?;
        tx.publish(Event::JobUpdated { job_id: job.id }).await?;
        tx.publish(Event::WorkspaceUpdated {
            workspace_id: workspace.id,
            owner_id: workspace.owner_id,
        })
        .await?;
        Ok(())
    }
}

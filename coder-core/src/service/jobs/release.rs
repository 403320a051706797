use super::{Claim, Jobs, announce, lease_lost};
use crate::{
    Result,
    event::Event,
    service::unit::settle,
    store::{StoreError, Transaction},
};

impl Jobs {
    /// Puts a claimed job that nobody has begun to work on back into the queue. With `only_unheard`
    /// nothing happens when there was a sign of life since the claim: that is how whoever handed a job
    /// out takes it back when the daemon may not have got it.
    ///
    /// # Errors
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) when the claim is lost, or was heard of.
    pub async fn release(&self, claim: Claim, only_unheard: bool) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let released = self.release_in(tx.as_mut(), claim, only_unheard).await;
        settle(tx, released).await
    }

    async fn release_in(
        &self,
        tx: &mut dyn Transaction,
        claim: Claim,
        only_unheard: bool,
    ) -> Result<()> {
        let Claim { job_id, lease } = claim;
        let jobs = tx.provisioner_jobs();
        let released = jobs.release(job_id, lease, only_unheard, self.deps.now());
        if !released.await? {
            return Err(lease_lost());
        }
        let job = tx.provisioner_jobs().get(job_id).await?;
        let job = job.ok_or_else(|| StoreError::Backend("a released job is not there".into()))?;
        if job.completed_at.is_none() {
            tx.publish(Event::JobPosted {
                organization_id: job.organization_id,
                provisioner: job.provisioner,
            })
            .await?;
        }
        let build = tx.workspace_builds().by_job(job_id).await?;
        let workspace = match build {
            Some(build) => tx.workspaces().get(build.workspace_id).await?,
            None => None,
        };
        announce(tx, job_id, workspace.as_ref()).await
    }
}

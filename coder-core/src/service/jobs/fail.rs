use super::{Claim, Jobs, announce, claimed, lease_lost};
use crate::{
    Result, log_line,
    provisioner_job::{JobErrorCode, JobInput, JobTiming},
    service::unit::settle,
    store::{JobEnd, Transaction},
};

/// Longest error that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// How a job failed or was canceled.
#[derive(Clone, Default)]
pub struct JobFailure {
    /// Why, for people.
    pub error: String,
    /// Why, for programs.
    pub error_code: Option<JobErrorCode>,
    /// Whether it ended because a cancel was asked for.
    pub canceled: bool,
    /// Terraform state after the failure; `None` leaves the stored one.
    pub state: Option<Vec<u8>>,
    /// Durations up to the failure.
    pub timings: Vec<JobTiming>,
}

impl std::fmt::Debug for JobFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobFailure")
            .field("error", &self.error)
            .field("canceled", &self.canceled)
            .field("state_bytes", &self.state.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

impl Jobs {
    /// Closes a job that failed or was canceled.
    ///
    /// # Errors
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) when the claim is lost; nothing was
    /// kept then.
    pub async fn fail(&self, claim: Claim, failure: &JobFailure) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let failed = self.fail_in(tx.as_mut(), claim, failure).await;
        settle(tx, failed).await
    }

    async fn fail_in(
        &self,
        tx: &mut dyn Transaction,
        claim: Claim,
        failure: &JobFailure,
    ) -> Result<()> {
        let job = claimed(tx, claim).await?;
        let canceled = failure.canceled && job.canceled_at.is_some();
        let text = log_line::cut(&failure.error.replace('\0', ""), MAX_ERROR_BYTES);
        let end = JobEnd {
            error: (!canceled).then_some(text),
            error_code: failure.error_code.filter(|_| !canceled),
            done: false,
        };
        let now = self.deps.now();
        if !tx
            .provisioner_jobs()
            .finish(job.id, Some(claim.lease), &end, now)
            .await?
        {
            return Err(lease_lost());
        }
        if !failure.timings.is_empty() {
            tx.provisioner_jobs()
                .append_timings(job.id, &failure.timings)
                .await?;
        }
        let workspace = match job.input {
            JobInput::WorkspaceBuild {
                workspace_build_id, ..
            } => {
                if let Some(state) = &failure.state {
                    tx.workspace_builds()
                        .set_state(workspace_build_id, state)
                        .await?;
                }
                match tx.workspace_builds().get(workspace_build_id).await? {
                    Some(build) => tx.workspaces().get(build.workspace_id).await?,
                    None => None,
                }
            }
            JobInput::TemplateVersionImport { .. } | JobInput::TemplateVersionDryRun { .. } => None,
        };
        announce(tx, job.id, workspace.as_ref()).await
    }
}

//! The server's side of provisioner jobs: what daemons acquire, report and finish, and what is done about
//! jobs that nobody works on any more.
//!
//! Every write of a daemon names the lease of its claim. A daemon that lost its claim is answered
//! [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) and nothing of what it sent is kept.

mod acquire;
mod complete;
mod fail;
mod found;
mod query;
mod reap;
mod release;
mod session_token;
mod update;

pub use acquire::{AcquiredJob, BuildWork, DryRunWork, ImportWork, Work};
pub use complete::{BuildResult, ImportResult, JobResult};
pub use fail::JobFailure;
pub use found::{FoundAgent, FoundDevcontainer, FoundResource, FoundScript};
pub use reap::{LEASE_SECONDS, PENDING_MINUTES};
pub use update::{JobUpdate, MAX_LOG_BATCH_LINES, UpdateAnswer};

use super::Deps;
use crate::{
    Error, ErrorKind, Result,
    event::Event,
    id::{LeaseId, ProvisionerJobId},
    provisioner_job::ProvisionerJob,
    store::Transaction,
    workspace::Workspace,
};

/// Use cases of jobs.
#[derive(Clone, Debug)]
pub struct Jobs {
    deps: Deps,
}

/// A daemon's claim on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lease it was acquired with.
    pub lease: LeaseId,
}

impl Jobs {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

/// The job of a claim, held until the transaction ends.
async fn claimed(tx: &mut dyn Transaction, claim: Claim) -> Result<ProvisionerJob> {
    let job = tx.provisioner_jobs().get_for_update(claim.job_id).await?;
    job.filter(|job| job.lease == Some(claim.lease) && job.completed_at.is_none())
        .ok_or_else(lease_lost)
}

fn lease_lost() -> Error {
    let message = "The job is over, or was given to somebody else.";
    Error::new(ErrorKind::PreconditionFailed, message)
}

/// Tells watchers that a job changed, and the workspace that it builds.
async fn announce(
    tx: &mut dyn Transaction,
    job: ProvisionerJobId,
    workspace: Option<&Workspace>,
) -> Result<()> {
    tx.publish(Event::JobUpdated { job_id: job }).await?;
    if let Some(workspace) = workspace {
        tx.publish(Event::WorkspaceUpdated {
            workspace_id: workspace.id,
            owner_id: workspace.owner_id,
        })
        .await?;
    }
    Ok(())
}

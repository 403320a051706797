//! What the server offers to a daemon.

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::protocol::{
    AcquiredJob, CompletedJob, FailedJob, ReleasedJob, UpdateJob, UpdateJobResponse,
};

/// Longest time [`ProvisionerDaemonApi::acquire_job`] may wait for a job before it answers that
/// there is none.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// The server's side of a daemon: a value of this trait stands for one daemon, and knows its
/// identity, tags and provisioner types.
///
/// Errors: [`crate::ErrorKind::Unavailable`] is retried; [`crate::ErrorKind::LeaseLost`] makes
/// the daemon drop the job at once, without another write; anything else fails the job.
#[async_trait]
pub trait ProvisionerDaemonApi: Send + Sync {
    /// Waits for a job, at most [`ACQUIRE_TIMEOUT`]; `None` when there was none.
    ///
    /// When `cancel` fires it answers at once, with the job if one was already claimed: the
    /// daemon does not drop the call, so that no claimed job is lost on the way.
    ///
    /// # Errors
    /// See the trait.
    async fn acquire_job(&self, cancel: &CancellationToken) -> Result<Option<AcquiredJob>>;

    /// Stores progress and renews the lease. May be sent again when the answer was lost.
    ///
    /// # Errors
    /// See the trait.
    async fn update_job(&self, update: UpdateJob) -> Result<UpdateJobResponse>;

    /// Closes a job with its result.
    ///
    /// # Errors
    /// See the trait.
    async fn complete_job(&self, completed: CompletedJob) -> Result<()>;

    /// Closes a job with a failure.
    ///
    /// # Errors
    /// See the trait.
    async fn fail_job(&self, failed: FailedJob) -> Result<()>;

    /// Gives a job back that was acquired and not begun.
    ///
    /// # Errors
    /// See the trait.
    async fn release_job(&self, released: ReleasedJob) -> Result<()>;

    /// Says that the daemon is alive. Called every minute; jobs are kept by their updates.
    ///
    /// # Errors
    /// See the trait.
    async fn heartbeat(&self) -> Result<()>;
}

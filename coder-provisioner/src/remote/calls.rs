//! Each call, from its message to its answer.

use std::sync::Arc;
use std::time::Duration;

use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::body::{Acquired, Body, Nothing};
use super::claims::Claims;
use super::envelope::Message;
use super::link::Outbox;
use crate::protocol::{
    AcquiredJob, CompletedJob, FailedJob, MAX_LOG_BATCH_LINES, ReleasedJob, UpdateJob,
};
use crate::{ACQUIRE_TIMEOUT, Error, ErrorKind, ProvisionerDaemonApi, Result};

/// How long a daemon that gets no job any more waits for the answer, so that it does not ask again
/// and again.
const NO_JOB_WAIT: Duration = ACQUIRE_TIMEOUT.saturating_sub(Duration::from_secs(5));

/// The names of the calls.
pub(super) mod name {
    pub(in crate::remote) const ACQUIRE_JOB: &str = "acquire_job";
    pub(in crate::remote) const UPDATE_JOB: &str = "update_job";
    pub(in crate::remote) const COMPLETE_JOB: &str = "complete_job";
    pub(in crate::remote) const FAIL_JOB: &str = "fail_job";
    pub(in crate::remote) const RELEASE_JOB: &str = "release_job";
    pub(in crate::remote) const HEARTBEAT: &str = "heartbeat";
}

/// What the calls of a connection have in common.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) api: Arc<dyn ProvisionerDaemonApi>,
    pub(super) outbox: Outbox,
    pub(super) claims: Arc<Claims>,
    /// Set when no job may be handed out any more.
    pub(super) no_jobs: CancellationToken,
}

/// Carries a call out and answers it.
pub(super) async fn run(caller: &Caller, message: Message, cancel: &CancellationToken) {
    let id = message.envelope.id;
    let call = message.envelope.call.clone().unwrap_or_default();
    let answered = match call.as_str() {
        name::ACQUIRE_JOB => {
            let acquired = caller.acquire(cancel).await;
            let claim = acquired
                .as_ref()
                .ok()
                .and_then(|answer| answer.job.as_ref());
            let claim = claim.map(|job| (job.job_id, job.lease));
            let answered = caller.answer(id, acquired).await;
            if let (Err(error), Some(claim)) = (&answered, claim) {
                caller.not_handed_out(claim, error).await;
            }
            answered
        }
        name::UPDATE_JOB => caller.answer(id, caller.update(message).await).await,
        name::COMPLETE_JOB => caller.answer(id, caller.complete(message).await).await,
        name::FAIL_JOB => caller.answer(id, caller.fail(message).await).await,
        name::RELEASE_JOB => caller.answer(id, caller.release(message).await).await,
        name::HEARTBEAT => {
            let beat = caller.api.heartbeat().await;
            caller.answer(id, beat.map(|()| Nothing {})).await
        }
        other => {
            let shown: String = other.chars().take(64).collect();
            let text = format!("this server knows no call {shown:?}");
            let unknown = Err::<Nothing, _>(Error::new(ErrorKind::InvalidRequest, text));
            caller.answer(id, unknown).await
        }
    };
    if let Err(error) = answered {
        tracing::debug!(call, error = %error.chain(), "a call was not answered");
    }
}

impl Caller {
    async fn answer<B: Body>(&self, id: u64, answer: Result<B>) -> Result<()> {
        let (message, failed) = match Message::answer(id, answer) {
            Ok(message) => (message, Ok(())),
            Err(error) => {
                let text = Error::new(error.kind(), error.chain());
                (Message::answer::<Nothing>(id, Err(text))?, Err(error))
            }
        };
        self.outbox.send(message).await?;
        failed
    }

    async fn acquire(&self, cancel: &CancellationToken) -> Result<Acquired> {
        let stop = cancel.child_token();
        let job = if self.no_jobs.is_cancelled() {
            // Nothing is claimed: the daemon may only wait for its running jobs.
            let _ = timeout(NO_JOB_WAIT, cancel.cancelled()).await;
            None
        } else {
            let mut call = self.api.acquire_job(&stop);
            tokio::select! {
                job = &mut call => job?,
                () = self.no_jobs.cancelled() => {
                    stop.cancel();
                    call.await?
                }
            }
        };
        if let Some(job) = &job {
            self.claims.hand_out(job.job_id, job.lease);
        }
        Ok(Acquired { job })
    }

    /// A job that cannot be handed out must not wait for the end of its lease.
    async fn not_handed_out(&self, (job_id, lease): (ProvisionerJobId, LeaseId), error: &Error) {
        // Without a connection it is given back when the connection's end is noticed.
        if error.is_temporary() {
            return;
        }
        self.claims.end(lease);
        let text = format!("the job cannot be handed out: {}", error.chain());
        let failed = self.api.fail_job(FailedJob::new(job_id, lease, text)).await;
        if let Err(error) = failed {
            tracing::warn!(%job_id, error = %error.chain(), "a job could not be failed");
        }
    }

    async fn update(&self, message: Message) -> Result<crate::protocol::UpdateJobResponse> {
        let update: UpdateJob = message.into_params()?;
        if update.logs.len() > MAX_LOG_BATCH_LINES {
            let text = format!("logs has more than {MAX_LOG_BATCH_LINES} lines");
            return Err(Error::new(ErrorKind::InvalidRequest, text));
        }
        let (job_id, lease) = (update.job_id, update.lease);
        let updated = self.api.update_job(update).await;
        if updated.is_ok() {
            self.claims.hear(job_id, lease);
        }
        self.noted(lease, updated, false)
    }

    async fn complete(&self, message: Message) -> Result<Nothing> {
        let completed: CompletedJob = message.into_params()?;
        let lease = completed.lease;
        let done = self.api.complete_job(completed).await;
        self.noted(lease, done.map(|()| Nothing {}), true)
    }

    async fn fail(&self, message: Message) -> Result<Nothing> {
        let failed: FailedJob = message.into_params()?;
        let lease = failed.lease;
        let done = self.api.fail_job(failed).await;
        self.noted(lease, done.map(|()| Nothing {}), true)
    }

    async fn release(&self, message: Message) -> Result<Nothing> {
        let released: ReleasedJob = message.into_params()?;
        let lease = released.lease;
        let done = self.api.release_job(released).await;
        self.noted(lease, done.map(|()| Nothing {}), true)
    }

    /// Forgets a job that has ended, or is not the daemon's any more.
    fn noted<T>(&self, lease: LeaseId, answer: Result<T>, ends: bool) -> Result<T> {
        let ended = match &answer {
            Ok(_) => ends,
            Err(error) => error.kind() == ErrorKind::LeaseLost,
        };
        if ended {
            self.claims.end(lease);
        }
        answer
    }
}

/// The claim in the answer to `acquire_job`, as soon as its envelope is there.
pub(super) fn claim_in(result: &serde_json::Value) -> Option<(ProvisionerJobId, LeaseId)> {
    let job = result.get("job").filter(|job| !job.is_null())?;
    let id = |name: &str| serde_json::from_value(job.get(name)?.clone()).ok();
    let job_id: Option<uuid::Uuid> = id("job_id");
    let lease: Option<uuid::Uuid> = id("lease");
    Some((ProvisionerJobId(job_id?), LeaseId(lease?)))
}

/// The job in an answer to `acquire_job`.
pub(super) fn job_in(message: Message) -> Result<Option<AcquiredJob>> {
    message.into_result::<Acquired>().map(|answer| answer.job)
}

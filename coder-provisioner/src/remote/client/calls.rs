//! The calls, and the care for jobs whose bytes are long under way.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{Claim, Underway};
use super::daemon_client::{Caller, DaemonClient};
use crate::protocol::{
    AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, ReleasedJob, UpdateJob,
    UpdateJobResponse,
};
use crate::remote::body::{Body, Nothing};
use crate::remote::calls::{claim_in, job_in, name};
use crate::remote::envelope::Message;
use crate::remote::link::lost;
use crate::{ACQUIRE_TIMEOUT, Error, ErrorKind, ProvisionerDaemonApi, Result};

/// How long the server may take to answer once it has the whole call.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Time between two signs of life of a job while its bytes are under way.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);
/// How long a job is confirmed or given back against a connection that comes and goes: below the
/// 30 s after which the server gives it up.
const PATIENCE: Duration = Duration::from_secs(25);
/// The pause between two attempts of that.
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes that are sent so fast that the job needs no sign of life meanwhile.
const QUICK_BYTES: usize = 256 * 1024;

#[async_trait]
impl ProvisionerDaemonApi for DaemonClient {
    async fn acquire_job(&self, cancel: &CancellationToken) -> Result<Option<AcquiredJob>> {
        let caller = self.caller();
        let stop = cancel.clone();
        // A task of its own: a job that comes after the caller has gone is given back.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let acquired = caller.acquire(&stop).await;
            if let Err(Ok(Some(job))) = sender.send(acquired) {
                caller.give_back((job.job_id, job.lease)).await;
            }
        });
        receiver.await.map_err(|_| lost())?
    }

    async fn update_job(&self, update: UpdateJob) -> Result<UpdateJobResponse> {
        let (claim, size) = ((update.job_id, update.lease), length(update.state.as_ref()));
        let caller = self.caller();
        let call = caller.call(name::UPDATE_JOB, update);
        caller.renewing(claim, size, call).await
    }

    async fn complete_job(&self, completed: CompletedJob) -> Result<()> {
        let claim = (completed.job_id, completed.lease);
        let size = match &completed.kind {
            CompletedJobKind::WorkspaceBuild(build) => build.state.len(),
            // Its size is not known before it is written.
            CompletedJobKind::TemplateImport(_) | CompletedJobKind::TemplateDryRun { .. } => {
                usize::MAX
            }
        };
        let caller = self.caller();
        let call = caller.call(name::COMPLETE_JOB, completed);
        let Nothing {} = caller.renewing(claim, size, call).await?;
        Ok(())
    }

    async fn fail_job(&self, failed: FailedJob) -> Result<()> {
        let (claim, size) = ((failed.job_id, failed.lease), length(failed.state.as_ref()));
        let caller = self.caller();
        let call = caller.call(name::FAIL_JOB, failed);
        let Nothing {} = caller.renewing(claim, size, call).await?;
        Ok(())
    }

    async fn release_job(&self, released: ReleasedJob) -> Result<()> {
        let Nothing {} = self.caller().call(name::RELEASE_JOB, released).await?;
        Ok(())
    }

    async fn heartbeat(&self) -> Result<()> {
        let Nothing {} = self.caller().call(name::HEARTBEAT, Nothing {}).await?;
        Ok(())
    }
}

fn length(bytes: Option<&Bytes>) -> usize {
    bytes.map_or(0, Bytes::len)
}

impl Caller {
    async fn call<B: Body, A: Body>(&self, call: &str, body: B) -> Result<A> {
        let connection = self.connection().await?;
        let mut underway = connection.call(call, body, false).await?;
        let answer = timeout(ANSWER_TIMEOUT, underway.answer()).await;
        answer.map_err(|_| too_late())??.into_result()
    }

    /// Makes a call that may take long to send, with signs of life of its job meanwhile.
    async fn renewing<T>(
        &self,
        claim: Claim,
        size: usize,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        if size <= QUICK_BYTES {
            return call.await;
        }
        let renew = async {
            loop {
                sleep(RENEW_INTERVAL).await;
                // Whether the job is lost is said by the call itself.
                let _ = self.renew(claim).await;
            }
        };
        tokio::select! {
            answer = call => answer,
            () = renew => Err(lost()),
        }
    }

    async fn renew(&self, (job_id, lease): Claim) -> Result<UpdateJobResponse> {
        self.call(name::UPDATE_JOB, UpdateJob::new(job_id, lease))
            .await
    }

    /// Asks for a job and takes it over: it is returned once the server knows that it arrived.
    async fn acquire(&self, cancel: &CancellationToken) -> Result<Option<AcquiredJob>> {
        let connection = tokio::select! {
            connection = self.connection() => connection?,
            () = cancel.cancelled() => return Ok(None),
        };
        let underway = connection.call(name::ACQUIRE_JOB, Nothing {}, true).await?;
        let (claim, answer) = self.handed_out(underway, cancel).await?;
        let answer = match (answer, claim) {
            (Ok(answer), _) => answer,
            (Err(error), Some(claim)) => {
                self.give_back(claim).await;
                return Err(error);
            }
            (Err(error), None) => return Err(error),
        };
        let claim = claim.or_else(|| answer.envelope.result.as_ref().and_then(claim_in));
        let job = job_in(answer);
        if let (Err(error), Some((job_id, lease))) = (&job, claim) {
            let text = format!("the daemon does not understand the job: {}", error.chain());
            let failed = FailedJob::new(job_id, lease, text);
            let Nothing {} = self.call(name::FAIL_JOB, failed).await?;
        }
        let Some(job) = job? else { return Ok(None) };
        self.confirm((job.job_id, job.lease)).await?;
        Ok(Some(job))
    }

    /// Waits for the answer, and keeps the job alive from when its answer begins to come.
    async fn handed_out(
        &self,
        mut underway: Underway,
        cancel: &CancellationToken,
    ) -> Result<(Option<Claim>, Result<Message>)> {
        let too_late_at = Instant::now() + ACQUIRE_TIMEOUT + ANSWER_TIMEOUT;
        let mut began = underway.began.take();
        let mut told = false;
        let claim = loop {
            let beginning = async {
                match &mut began {
                    Some(began) => began.await.ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // An answer that is whole needs no care.
                biased;
                answer = underway.answer() => return Ok((None, answer)),
                claim = beginning => match claim {
                    Some(claim) => break claim,
                    None => began = None,
                },
                () = cancel.cancelled(), if !told => {
                    told = true;
                    underway.cancel().await;
                }
                () = sleep_until(too_late_at) => return Err(too_late()),
            }
        };
        let keep = async {
            loop {
                match self.renew(claim).await {
                    Ok(_) => sleep(RENEW_INTERVAL).await,
                    Err(error) if error.is_temporary() => sleep(PAUSE).await,
                    Err(error) => return error,
                }
            }
        };
        let answer = tokio::select! {
            answer = underway.answer() => answer,
            error = keep => Err(error),
        };
        Ok((Some(claim), answer))
    }

    /// Says that a job arrived. Until the server knows, it may give it to somebody else.
    async fn confirm(&self, claim: Claim) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.renew(claim).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_temporary() && Instant::now() < end => sleep(PAUSE).await,
                Err(error) => {
                    let text = "the server gave the job up before it arrived";
                    return Err(Error::new(ErrorKind::Unavailable, text).with_source(error));
                }
            }
        }
    }

    /// Puts a job that did not arrive whole back into the queue.
    async fn give_back(&self, (job_id, lease): Claim) {
        let end = Instant::now() + PATIENCE;
        loop {
            let released = ReleasedJob {
                job_id,
                lease,
                only_unheard: false,
            };
            match self.call::<_, Nothing>(name::RELEASE_JOB, released).await {
                Err(error) if error.is_temporary() && Instant::now() < end => sleep(PAUSE).await,
                Err(error) => {
                    tracing::warn!(%job_id, error = %error.chain(), "a job is not given back");
                    return;
                }
                Ok(_) => return,
            }
        }
    }
}

fn too_late() -> Error {
    Error::new(ErrorKind::Unavailable, "the server did not answer in time")
}

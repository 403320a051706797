//! Supervision of one job.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use coder_core::clock::{Clock, Entropy};
use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::context::{CancelReason, JobContext};
use super::execute::{Failure, execute};
use super::options::DaemonOptions;
use super::pump::{MAX_FAULTS, Pump, PumpEnd};
use crate::protocol::{AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, JobKind};
use crate::{Error, ErrorKind, Provisioner, ProvisionerDaemonApi, Result};

/// How long dropped work may take to be gone.
const ABORT_BOUND: Duration = Duration::from_secs(5);

/// How long the end of a job is reported to a server that is out of reach. It is long because the
/// report carries the state of what was created.
const REPORT_PATIENCE: Duration = Duration::from_secs(600);

/// What the jobs of a daemon have in common.
pub(super) struct JobRunner {
    pub(super) api: Arc<dyn ProvisionerDaemonApi>,
    pub(super) options: DaemonOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Set when shutdown was asked for.
    pub(super) shutdown: CancellationToken,
    /// Set when the time for running jobs is over.
    pub(super) stop_jobs: CancellationToken,
}

type Outcome = Result<CompletedJobKind, Failure>;

impl JobRunner {
    /// Carries out a job and reports its end. Returns when nothing of it runs any more.
    pub(super) async fn run(&self, job: AcquiredJob, provisioner: Option<Arc<dyn Provisioner>>) {
        let (job_id, lease) = (job.job_id, job.lease);
        tracing::info!(%job_id, provisioner = job.provisioner.as_str(), "job started");
        let Some(provisioner) = provisioner else {
            let text = format!("this daemon has no {} provisioner", job.provisioner);
            self.report(Err(FailedJob::new(job_id, lease, text))).await;
            return;
        };
        let keeper = Arc::clone(&provisioner);
        let (context, found) = JobContext::new(Arc::clone(&self.clock));
        if let JobKind::WorkspaceBuild(build) = &job.kind {
            context.note_stored(build.state.clone());
        }
        let finish = CancellationToken::new();
        let mut work = AbortOnDrop(tokio::spawn(execute(
            job,
            provisioner,
            Arc::clone(&context),
        )));
        let pump = Pump {
            api: self.api.as_ref(),
            options: &self.options,
            entropy: self.entropy.as_ref(),
            job_id,
            lease,
            context: &context,
            finish: &finish,
        };
        let mut pump = Box::pin(pump.run(found));
        let (outcome, pumped) = tokio::select! {
            outcome = self.supervise(&mut work, &context) => {
                context.close_logs();
                finish.cancel();
                (outcome, pump.await)
            }
            end = &mut pump => {
                let ended = work.stop().await;
                (ended.unwrap_or_else(|| Err(Error::canceled().into())), end)
            }
        };
        let state = match &outcome {
            Ok(CompletedJobKind::WorkspaceBuild(build)) => Some(build.state.clone()),
            Ok(_) => None,
            Err(failure) => failure.state.clone(),
        };
        let taken = if pumped == PumpEnd::LeaseLost {
            tracing::warn!(%job_id, "the lease was lost, the job is dropped");
            false
        } else {
            self.report(report_of(job_id, lease, outcome, &context))
                .await
        };
        if let Some(state) = state
            && !taken
            && !state.is_empty()
            && !context.is_stored(&state)
        {
            keeper.keep_state(job_id, state).await;
        }
    }

    /// Waits for the work to end, by itself or by force.
    async fn supervise(&self, work: &mut AbortOnDrop<Outcome>, context: &JobContext) -> Outcome {
        let forced = async {
            tokio::select! {
                () = context.cancel.cancelled() => {}
                () = self.stop_jobs.cancelled() => context.cancel(CancelReason::Shutdown),
            }
            sleep(self.options.force_cancel_interval).await;
        };
        tokio::select! {
            joined = &mut work.0 => joined.unwrap_or_else(|error| Err(panicked(error))),
            () = forced => {
                work.stop().await;
                Err(Error::new(ErrorKind::Failed, "Cancel timed out").into())
            }
        }
    }

    /// Reports the end of a job, again and again while the server is out of reach. Answers whether the server has
    /// all of it, the state above all.
    async fn report(&self, mut report: Result<CompletedJob, FailedJob>) -> bool {
        let mut whole = true;
        let started = Instant::now();
        let mut backoff = Backoff::new(self.entropy.as_ref());
        let mut faults = 0;
        loop {
            let call = async {
                match &report {
                    Ok(completed) => self.api.complete_job(completed.clone()).await,
                    Err(failed) => self.api.fail_job(failed.clone()).await,
                }
            };
            let job_id = report
                .as_ref()
                .map_or_else(|job| job.job_id, |job| job.job_id);
            let error = match timeout(self.options.rpc_timeout, call).await {
                Ok(Ok(())) => {
                    tracing::info!(%job_id, succeeded = report.is_ok(), "job ended");
                    return whole;
                }
                Ok(Err(error)) => error,
                Err(_) => Error::new(ErrorKind::Unavailable, "the server did not answer in time"),
            };
            tracing::warn!(%job_id, error = %error.chain(), "report of a job's end failed");
            let patience = if self.shutdown.is_cancelled() {
                self.options.rpc_timeout
            } else {
                REPORT_PATIENCE
            };
            if error.kind() == ErrorKind::LeaseLost || started.elapsed() > patience {
                return false;
            }
            faults += u32::from(error.kind() == ErrorKind::Internal);
            match (error.kind(), &report) {
                (ErrorKind::Unavailable, _) => {}
                // A fault of the server may pass, and a failure is worth waiting for: it may carry
                // state that is nowhere else.
                (ErrorKind::Internal, Err(_)) => {}
                (ErrorKind::Internal, Ok(_)) if faults < MAX_FAULTS => {}
                // The server refuses the result: the job fails, and its state is kept.
                (_, Ok(completed)) => report = Err(refused(completed, &error)),
                // It refuses the failure as it is: only the reason may still get through.
                (_, Err(failed)) if failed.state.is_some() || !failed.timings.is_empty() => {
                    whole = failed.state.is_none();
                    report = Err(FailedJob::new(failed.job_id, failed.lease, &failed.error));
                }
                (_, Err(_)) => return false,
            }
            sleep(backoff.next()).await;
        }
    }
}

/// The report of how a job ended.
fn report_of(
    job_id: ProvisionerJobId,
    lease: LeaseId,
    outcome: Outcome,
    context: &JobContext,
) -> Result<CompletedJob, FailedJob> {
    match outcome {
        Ok(kind) => Ok(CompletedJob {
            job_id,
            lease,
            kind,
        }),
        Err(failure) => Err(failed_job(job_id, lease, failure, context)),
    }
}

/// The failure that stands for a result which the server did not take.
fn refused(completed: &CompletedJob, error: &Error) -> FailedJob {
    let mut failed = FailedJob::new(completed.job_id, completed.lease, error.chain());
    if let CompletedJobKind::WorkspaceBuild(build) = &completed.kind {
        failed.state = Some(build.state.clone());
        failed.timings.clone_from(&build.timings);
    }
    failed
}

/// The report of a failure. Work that did not come to hand over its state leaves the newest
/// snapshot behind.
fn failed_job(
    job_id: ProvisionerJobId,
    lease: LeaseId,
    failure: Failure,
    context: &JobContext,
) -> FailedJob {
    let canceled = failure.error.kind() == ErrorKind::Canceled;
    let mut failed = FailedJob::new(job_id, lease, failure.error.chain());
    match context.cancel_reason() {
        Some(CancelReason::Requested) if canceled => failed.canceled = true,
        Some(CancelReason::Shutdown) if canceled => {
            "the provisioner daemon was shut down".clone_into(&mut failed.error);
        }
        Some(CancelReason::Unreachable) if canceled => {
            "the provisioner daemon lost its connection to the server"
                .clone_into(&mut failed.error);
        }
        Some(CancelReason::Refused(reason)) if canceled => failed.error.clone_from(reason),
        _ => {}
    }
    failed.error_code = failure.code;
    failed.state = failure.state.or_else(|| context.newest_state());
    failed.timings = failure.timings;
    failed
}

fn panicked(error: JoinError) -> Failure {
    let payload = error.try_into_panic().ok();
    let text = payload
        .as_deref()
        .and_then(panic_text)
        .unwrap_or("no message");
    Error::new(
        ErrorKind::Internal,
        format!("the provisioner panicked: {text}"),
    )
    .into()
}

fn panic_text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// A task that does not outlive its owner.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    /// Drops the work and waits until it is gone. Answers its result when it had just ended by itself.
    async fn stop(&mut self) -> Option<T> {
        self.0.abort();
        let ended = timeout(ABORT_BOUND, &mut self.0).await;
        if ended.is_err() {
            tracing::error!("dropped work does not end");
        }
        ended.ok()?.ok()
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

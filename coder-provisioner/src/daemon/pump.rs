//! Sends a job's progress to the server and hears of cancels.

use std::time::Duration;

use coder_core::clock::Entropy;
use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::context::{CancelReason, Found, JobContext};
use super::options::DaemonOptions;
use crate::protocol::{MAX_LOG_BATCH_LINES, UpdateJob, UpdateJobResponse};
use crate::{Error, ErrorKind, ProvisionerDaemonApi};

/// How a pump ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PumpEnd {
    /// Everything was sent, or cannot be sent any more.
    Done,
    /// The job belongs to somebody else now: nothing may be written.
    LeaseLost,
}

/// Sends a job's progress.
pub(super) struct Pump<'a> {
    pub(super) api: &'a dyn ProvisionerDaemonApi,
    pub(super) options: &'a DaemonOptions,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) job_id: ProvisionerJobId,
    pub(super) lease: LeaseId,
    pub(super) context: &'a JobContext,
    /// Set when the work has ended and only the rest is to be sent.
    pub(super) finish: &'a CancellationToken,
}

/// Why a single update was not stored.
enum Unsent {
    LeaseLost,
    Refused(Error),
    /// The server stayed out of reach until the job's end and beyond.
    GaveUp,
}

impl Pump<'_> {
    /// Runs until the work has ended and everything is sent.
    pub(super) async fn run(&self, mut found: mpsc::Receiver<Found>) -> PumpEnd {
        let mut due = Instant::now() + self.options.update_interval;
        let mut flush_at: Option<Instant> = None;
        let mut last_success = Instant::now();
        loop {
            let mut message = None;
            tokio::select! {
                () = self.finish.cancelled() => {}
                () = self.context.wake.notified() => {}
                () = sleep_until(flush_at.unwrap_or(due).min(due)) => {}
                Some(news) = found.recv() => message = Some(news),
            }
            let now = Instant::now();
            let finishing = self.finish.is_cancelled();
            let ready = self.context.ready_logs();
            if ready > 0 && flush_at.is_none() {
                flush_at = Some(now + self.options.log_flush_interval);
            }
            let send = finishing
                || message.is_some()
                || self.context.has_unsent_state()
                || ready >= MAX_LOG_BATCH_LINES
                || flush_at.is_some_and(|at| at <= now)
                || due <= now;
            if !send {
                continue;
            }
            flush_at = None;
            match self.send_all(message, &mut last_success).await {
                Ok(()) => {}
                Err(Unsent::LeaseLost) => return PumpEnd::LeaseLost,
                Err(Unsent::GaveUp) => return PumpEnd::Done,
                Err(Unsent::Refused(error)) => {
                    // Without updates the job cannot go on; it ends by being failed.
                    self.context.cancel(CancelReason::Refused(error.chain()));
                    self.finish.cancelled().await;
                    return PumpEnd::Done;
                }
            }
            if finishing {
                return PumpEnd::Done;
            }
            due = Instant::now() + self.options.update_interval;
        }
    }

    /// Sends everything that waits, at least one update.
    async fn send_all(
        &self,
        found: Option<Found>,
        last_success: &mut Instant,
    ) -> Result<(), Unsent> {
        let mut update = UpdateJob::new(self.job_id, self.lease);
        let mut reply = None;
        if let Some(found) = found {
            update.template_variables = Some(found.template_variables);
            update.readme = Some(found.readme);
            update.workspace_tags = Some(found.workspace_tags);
            reply = Some(found.reply);
        }
        loop {
            (update.logs, update.logs_overflowed) = self.context.take_logs();
            update.state = self.context.take_state();
            let response = self.send(&update, last_success).await?;
            if let Some(state) = update.state.take() {
                self.context.note_stored(state);
            }
            if response.canceled {
                self.context.cancel(CancelReason::Requested);
            }
            if let Some(reply) = reply.take() {
                // The work stops listening when it is cancelled.
                let _ = reply.send(response.variable_values);
            }
            if self.context.ready_logs() == 0 && !self.context.has_unsent_state() {
                return Ok(());
            }
            update = UpdateJob::new(self.job_id, self.lease);
        }
    }

    /// Sends one update, again and again while the server is out of reach.
    async fn send(
        &self,
        update: &UpdateJob,
        last_success: &mut Instant,
    ) -> Result<UpdateJobResponse, Unsent> {
        let mut backoff = Backoff::new(self.entropy);
        let mut faults = 0;
        loop {
            let error = match timeout(
                self.options.rpc_timeout,
                self.api.update_job(update.clone()),
            )
            .await
            {
                Ok(Ok(response)) => {
                    *last_success = Instant::now();
                    return Ok(response);
                }
                Ok(Err(error)) => error,
                Err(_) => Error::new(ErrorKind::Unavailable, "the server did not answer in time"),
            };
            if error.kind() == ErrorKind::LeaseLost {
                return Err(Unsent::LeaseLost);
            }
            let faults_left = error.kind() == ErrorKind::Internal && {
                faults += 1;
                faults < MAX_FAULTS
            };
            if !error.is_temporary() && !faults_left {
                return Err(Unsent::Refused(error));
            }
            tracing::warn!(job_id = %self.job_id, error = %error.chain(), "job update failed");
            let silent = last_success.elapsed();
            if silent > self.options.unreachable_timeout {
                self.context.cancel(CancelReason::Unreachable);
                // The lease is about to end: what still runs is dropped.
                let too_long = self.options.unreachable_timeout + self.options.unreachable_grace;
                if self.finish.is_cancelled() || silent > too_long {
                    return Err(Unsent::GaveUp);
                }
            }
            sleep(backoff.next().min(MAX_RETRY_PAUSE)).await;
        }
    }
}

/// How often in a row the server may have a fault of its own before its refusal counts.
pub(super) const MAX_FAULTS: u32 = 5;

/// Updates renew the lease, so their pauses stay well below a lease's length.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(2);

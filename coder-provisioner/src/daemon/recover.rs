//! Hands in what killed daemons left behind on this machine.

use std::time::Duration;

use coder_core::provisioner_job::{LogLevel, LogSource};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Daemon;
use crate::protocol::{FailedJob, JobLog, UpdateJob, stage};
use crate::{Error, ErrorKind, Leftover, Result};

/// How often the provisioners are asked. What a Terraform that survived its daemon leaves comes some seconds after
/// this daemon has started.
const PERIOD: Duration = Duration::from_secs(2);

const REASON: &str = "The provisioner daemon was killed while it worked on this job.";
const ADVICE: &str =
    "What exists is in the stored state: start, stop or delete the workspace again.";

impl Daemon {
    /// Ends the jobs of daemons that were killed and worked in the same directories, with the state that was reached.
    /// [`Daemon::run`] does so again and again. A server that gives up silent jobs calls this before it begins to.
    pub async fn recover(&self) {
        for provisioner in self.provisioners.values() {
            for leftover in provisioner.leftovers().await {
                self.hand_in(leftover).await;
            }
        }
    }

    pub(super) async fn recover_loop(&self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.recover().await;
        }
    }

    async fn hand_in(&self, leftover: Leftover) {
        let job_id = leftover.job_id;
        let had_state = leftover.state.is_some();
        let taken = match self.report_leftover(&leftover).await {
            Ok(()) => {
                tracing::info!(%job_id, had_state, "ended the job of a killed daemon");
                true
            }
            Err(error) if error.is_temporary() || error.kind() == ErrorKind::Internal => {
                tracing::warn!(%job_id, error = %error.chain(), "the job of a killed daemon cannot be ended yet");
                return;
            }
            Err(error) => {
                tracing::warn!(%job_id, error = %error.chain(), "the job of a killed daemon is over");
                false
            }
        };
        // Removes files, which may block.
        let settled = tokio::task::spawn_blocking(move || leftover.settle(taken)).await;
        if settled.is_err() {
            tracing::warn!(%job_id, "clearing up after a killed daemon failed");
        }
    }

    async fn report_leftover(&self, leftover: &Leftover) -> Result<()> {
        let (job_id, lease) = (leftover.job_id, leftover.lease);
        let line = |output: &str| JobLog {
            created_at: self.clock.now(),
            source: LogSource::ProvisionerDaemon,
            level: LogLevel::Error,
            stage: stage::CLEANING_UP.to_owned(),
            output: output.to_owned(),
        };
        let mut update = UpdateJob::new(job_id, lease);
        update.logs = vec![line(REASON), line(ADVICE)];
        update.state.clone_from(&leftover.state);
        self.bounded(self.api.update_job(update)).await?;
        let mut failed = FailedJob::new(job_id, lease, REASON);
        failed.state.clone_from(&leftover.state);
        // If somebody had asked for that.
        failed.canceled = true;
        self.bounded(self.api.fail_job(failed)).await
    }

    async fn bounded<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(self.options.rpc_timeout, call)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Unavailable,
                    "the server did not answer in time",
                ))
            })
    }
}

//! The daemon's main loop.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use coder_core::clock::{Clock, Entropy, OsEntropy, SystemClock};
use coder_core::provisioner_job::ProvisionerType;
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::Backoff;
use super::job::JobRunner;
use super::options::DaemonOptions;
use crate::daemon_api::ACQUIRE_TIMEOUT;
use crate::protocol::AcquiredJob;
use crate::{Error, ErrorKind, Provisioner, ProvisionerDaemonApi, Result};

/// An "empty" answer that comes sooner than this is followed by a pause, so that a server which
/// does not wait cannot make the daemon spin.
const SHORTEST_POLL: Duration = Duration::from_millis(25);

/// Calls for a job that are under way at once. What a call brings is assembled by the server one statement after the
/// other; a burst of jobs would wait for that one by one.
const CLAIMS_AT_ONCE: usize = 4;

/// Takes jobs from a server and carries them out with its provisioners.
#[derive(Clone)]
pub struct Daemon {
    pub(super) options: DaemonOptions,
    pub(super) api: Arc<dyn ProvisionerDaemonApi>,
    pub(super) provisioners: BTreeMap<ProvisionerType, Arc<dyn Provisioner>>,
    pub(super) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Daemon {
    /// A daemon that has not started yet.
    #[must_use]
    pub fn new(
        options: DaemonOptions,
        api: Arc<dyn ProvisionerDaemonApi>,
        provisioners: BTreeMap<ProvisionerType, Arc<dyn Provisioner>>,
    ) -> Self {
        Self {
            options,
            api,
            provisioners,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        }
    }

    /// The same daemon with another source of time for log lines.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same daemon with another source of jitter.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Runs until `shutdown` fires and the running jobs have ended: by themselves within
    /// [`DaemonOptions::shutdown_grace`], after that cancelled, and by force
    /// [`DaemonOptions::force_cancel_interval`] later. When it returns nothing runs any more.
    pub async fn run(&self, shutdown: CancellationToken) {
        self.run_until(shutdown, CancellationToken::new()).await;
    }

    /// As [`run`](Self::run); `stop_jobs` cancels the running jobs before the grace is over. It
    /// counts once `shutdown` has fired.
    pub async fn run_until(&self, shutdown: CancellationToken, stop_jobs: CancellationToken) {
        let runner = Arc::new(JobRunner {
            api: Arc::clone(&self.api),
            options: self.options.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            shutdown: shutdown.clone(),
            stop_jobs: stop_jobs.clone(),
        });
        let jobs = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.options.max_jobs.max(1)));
        let ended = async {
            let loops = self.options.max_jobs.clamp(1, CLAIMS_AT_ONCE);
            let loops = (0..loops).map(|_| self.acquire_loop(&shutdown, &runner, &slots, &jobs));
            join_all(loops).await;
            jobs.close();
            if timeout(self.options.shutdown_grace, jobs.wait())
                .await
                .is_err()
            {
                stop_jobs.cancel();
                jobs.wait().await;
            }
        };
        tokio::select! {
            () = ended => {}
            () = self.heartbeat_loop() => {}
            () = self.recover_loop() => {}
        }
    }

    async fn acquire_loop(
        &self,
        shutdown: &CancellationToken,
        runner: &Arc<JobRunner>,
        slots: &Arc<Semaphore>,
        jobs: &TaskTracker,
    ) {
        let mut backoff = Backoff::new(self.entropy.as_ref());
        while !shutdown.is_cancelled() {
            let slot = tokio::select! {
                slot = Arc::clone(slots).acquire_owned() => slot,
                () = shutdown.cancelled() => return,
            };
            let Ok(slot) = slot else { return };
            let asked = Instant::now();
            let pause = match self.acquire(shutdown).await {
                Ok(Some(job)) => {
                    backoff.reset();
                    let provisioner = self.provisioners.get(&job.provisioner).cloned();
                    let runner = Arc::clone(runner);
                    jobs.spawn(async move {
                        runner.run(job, provisioner).await;
                        drop(slot);
                    });
                    continue;
                }
                Ok(None) => {
                    backoff.reset();
                    SHORTEST_POLL.saturating_sub(asked.elapsed())
                }
                Err(error) => {
                    tracing::warn!(error = %error.chain(), "acquiring a job failed");
                    backoff.next()
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Asks for a job. The call is told to end before it is given up, so that a job which was
    /// claimed meanwhile is not lost.
    async fn acquire(&self, shutdown: &CancellationToken) -> Result<Option<AcquiredJob>> {
        let cancel = shutdown.child_token();
        let mut call = self.api.acquire_job(&cancel);
        if let Ok(answer) = timeout(ACQUIRE_TIMEOUT + self.options.rpc_timeout, &mut call).await {
            return answer;
        }
        cancel.cancel();
        timeout(self.options.rpc_timeout, call)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Unavailable,
                    "the server did not answer in time",
                ))
            })
    }

    async fn heartbeat_loop(&self) {
        let mut ticks = interval(self.options.heartbeat_interval.max(SHORTEST_POLL));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match timeout(self.options.rpc_timeout, self.api.heartbeat()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = %error.chain(), "heartbeat failed"),
                Err(_) => tracing::warn!("heartbeat timed out"),
            }
        }
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Daemon")
            .field("options", &self.options)
            .field("provisioners", &self.provisioners.keys())
            .finish_non_exhaustive()
    }
}

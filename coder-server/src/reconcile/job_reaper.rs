use super::Reconciler;
use async_trait::async_trait;
use coder_core::{
    Error,
    service::{Deps, jobs::Jobs},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// With the lease of 30 s, a job whose server or daemon was killed is ended within 40 s.
const PERIOD: Duration = Duration::from_secs(10);
/// Daemons that could not reach this server or the database get this long to say that they live, or to hand in the
/// states of jobs that ended meanwhile. They try at least every 5 s.
const SETTLE: Duration = Duration::from_secs(12);
/// A look that takes longer than this met a database that does not work as it should.
const SLOW: Duration = Duration::from_secs(5);

/// Ends jobs that nobody works on.
#[derive(Debug)]
pub struct JobReaper {
    deps: Deps,
    jobs: Jobs,
    /// Since when the database works as far as this replica knows; `None` when it does not, or did not a moment ago.
    healthy_since: Mutex<Option<Instant>>,
}

impl JobReaper {
    /// Over `deps`.
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        Self {
            jobs: Jobs::new(deps.clone()),
            deps,
            healthy_since: Mutex::new(None),
        }
    }

    fn healthy_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.healthy_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, settled: bool) -> Result<(), Error> {
        if !settled {
            return Ok(self.deps.begin().await?.commit().await?);
        }
        // A full batch may have left some.
        while self.jobs.reap().await?.len() >= 10 {}
        Ok(())
    }
}

#[async_trait]
impl Reconciler for JobReaper {
    fn name(&self) -> &'static str {
        "job_reaper"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    async fn reconcile(&self) -> Result<(), Error> {
        // Nothing is known until this look has ended well: it may be given up on the way.
        let since = self.healthy_since().take();
        let started = Instant::now();
        self.look(since.is_some_and(|since| since.elapsed() >= SETTLE))
            .await?;
        if started.elapsed() < SLOW {
            *self.healthy_since() = since.or(Some(started));
        }
        Ok(())
    }
}

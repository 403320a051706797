use super::Reconciler;
use async_trait::async_trait;
use coder_core::{
    Error,
    service::{Deps, jobs::Jobs},
};
use std::time::Duration;

/// With the lease of 30 s, a job whose server or daemon was killed is ended within 40 s.
const PERIOD: Duration = Duration::from_secs(10);

/// Ends jobs that nobody works on.
#[derive(Clone, Debug)]
pub struct JobReaper {
    jobs: Jobs,
}

impl JobReaper {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self {
            jobs: Jobs::new(deps),
        }
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
        // A full batch may have left some.
        while self.jobs.reap().await?.len() >= 10 {}
        Ok(())
    }
}

use async_trait::async_trait;
use coder_core::Error;
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// The longest one run may take.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);

/// Something that is looked at again and again. A run that finds nothing to do changes nothing.
#[async_trait]
pub trait Reconciler: Send + Sync + 'static {
    /// Its name in logs.
    fn name(&self) -> &'static str;

    /// How often it runs.
    fn period(&self) -> Duration;

    /// Looks, and acts if it must.
    ///
    /// # Errors
    /// Any is logged; the next run comes in its time.
    async fn reconcile(&self) -> Result<(), Error>;
}

/// Runs a reconciler, first at once, until `shutdown`.
pub async fn run(reconciler: Arc<dyn Reconciler>, shutdown: CancellationToken) {
    let mut ticks = interval(reconciler.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let name = reconciler.name();
        match timeout(RUN_TIMEOUT, reconciler.reconcile()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    name,
                    error = &error as &dyn std::error::Error,
                    "reconciler failed"
                );
            }
            Err(_) => tracing::warn!(name, "reconciler took too long"),
        }
    }
}

//! Values that the template wants collected again and again.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coder_core::Timestamp;
use coder_core::clock::Clock;
use futures_util::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::AgentApi;
use crate::protocol::{
    MAX_METADATA_OUTPUT_BYTES, MetadataDescription, MetadataResult, ReportMetadata,
};
use crate::script::{Ended, Running, ScriptContext, clean};

/// How often new values are sent.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a script may run that has neither a timeout nor an interval.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// More keys than any template has; the rest is left out.
const MAX_KEYS: usize = 256;

/// The newest values not sent yet, by key.
type Pending = Mutex<BTreeMap<String, MetadataResult>>;

/// Collects and sends for ever.
pub(super) async fn collect(
    api: &dyn AgentApi,
    context: &ScriptContext,
    clock: &dyn Clock,
    descriptions: &[MetadataDescription],
) {
    let pending = Pending::default();
    let collectors = descriptions
        .iter()
        .take(MAX_KEYS)
        .map(|description| keep_collecting(context, clock, description, &pending));
    tokio::join!(join_all(collectors), keep_sending(api, clock, &pending));
}

async fn keep_collecting(
    context: &ScriptContext,
    clock: &dyn Clock,
    description: &MetadataDescription,
    pending: &Pending,
) {
    let period = Duration::from_secs(description.interval);
    let mut next = Instant::now();
    loop {
        let result = collect_once(context, clock, description).await;
        lock(pending).insert(description.key.clone(), result);
        if period.is_zero() {
            return;
        }
        // A run that took longer than the interval is not followed by a burst of others.
        next = (next + period).max(Instant::now());
        tokio::time::sleep_until(next).await;
    }
}

async fn collect_once(
    context: &ScriptContext,
    clock: &dyn Clock,
    description: &MetadataDescription,
) -> MetadataResult {
    let limit = time_limit(description);
    let (output, errors) = (Capture::default(), Capture::default());
    let (to_output, to_errors) = (output.clone(), errors.clone());
    let running = Running::spawn(
        context.command(&description.script),
        move |bytes| to_output.take(bytes),
        move |bytes| to_errors.take(bytes),
    );
    let ended = match running {
        Ok(running) => running.wait(Some(limit), &CancellationToken::new()).await,
        Err(error) => Err(error),
    };
    let error = failure(ended, limit, &errors.text());
    MetadataResult {
        key: description.key.clone(),
        collected_at: clock.now(),
        age: 0,
        value: output.text(),
        error,
    }
}

async fn keep_sending(api: &dyn AgentApi, clock: &dyn Clock, pending: &Pending) {
    let mut ticks = interval(REPORT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let batch = std::mem::take(&mut *lock(pending));
        if batch.is_empty() {
            continue;
        }
        let now = clock.now();
        let metadata = batch.values().map(|result| aged(result, now)).collect();
        match api.report_metadata(ReportMetadata { metadata }).await {
            Err(error) if error.is_temporary() => {
                for (key, result) in batch {
                    // A newer value may have come meanwhile.
                    lock(pending).entry(key).or_insert(result);
                }
                sleep(REPORT_INTERVAL).await;
            }
            Err(error) => tracing::warn!(%error, "server refused metadata"),
            Ok(()) => {}
        }
    }
}

fn aged(result: &MetadataResult, now: Timestamp) -> MetadataResult {
    let age = (now - result.collected_at).num_seconds().max(0);
    MetadataResult {
        age,
        ..result.clone()
    }
}

fn time_limit(description: &MetadataDescription) -> Duration {
    match (description.timeout, description.interval) {
        (0, 0) => DEFAULT_TIMEOUT,
        (0, interval) => Duration::from_secs(interval),
        (timeout, _) => Duration::from_secs(timeout),
    }
}

/// What to say of a run, empty for a good one.
fn failure(ended: io::Result<Ended>, limit: Duration, errors: &str) -> String {
    let reason = match ended {
        Ok(Ended::Exited(0) | Ended::PipesLeftOpen) => return String::new(),
        Ok(Ended::Exited(code)) => format!("exit status {code}"),
        Ok(Ended::TimedOut) => format!("not done after {} s", limit.as_secs()),
        Ok(Ended::Cancelled) => "cancelled".to_owned(),
        Err(error) => format!("cannot be run: {error}"),
    };
    if errors.is_empty() {
        reason
    } else {
        format!("{reason}: {errors}")
    }
}

fn lock(pending: &Pending) -> std::sync::MutexGuard<'_, BTreeMap<String, MetadataResult>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The beginning of an output.
#[derive(Clone, Debug, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    fn take(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_METADATA_OUTPUT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clean(&kept).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        for (timeout, interval, expected) in [(0, 0, 3), (0, 10, 10), (4, 10, 4), (4, 0, 4)] {
            let description = MetadataDescription {
                timeout,
                interval,
                ..MetadataDescription::default()
            };
            assert_eq!(time_limit(&description), Duration::from_secs(expected));
        }
    }

    #[test]
    fn failures_are_told() {
        let limit = Duration::from_secs(3);
        assert_eq!(failure(Ok(Ended::Exited(0)), limit, "a warning"), "");
        assert_eq!(
            failure(Ok(Ended::Exited(2)), limit, "no such file"),
            "exit status 2: no such file"
        );
        assert_eq!(
            failure(Ok(Ended::TimedOut), limit, ""),
            "not done after 3 s"
        );
    }

    #[test]
    fn output_is_cut() {
        let capture = Capture::default();
        for _ in 0..100 {
            capture.take(&[b'x'; 1_000]);
        }
        assert_eq!(capture.text().len(), MAX_METADATA_OUTPUT_BYTES);
        let capture = Capture::default();
        capture.take(b"a\0\xff\n \n");
        assert_eq!(capture.text(), "a\u{fffd}");
    }
}

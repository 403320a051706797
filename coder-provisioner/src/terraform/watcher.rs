//! What one run of Terraform tells while it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use coder_core::clock::Clock;
use tokio::sync::Notify;

use super::process::Stream;
use super::progress;
use super::state::is_whole;
use super::timings::Timings;
use crate::protocol::{Timing, TimingStage, stage};
use crate::{Error, ErrorKind, LogSink, Result};

/// Turns the output of one run into log lines, durations and hints that the state has changed.
pub(super) struct Watcher<'a> {
    logs: &'a dyn LogSink,
    clock: &'a dyn Clock,
    told: Mutex<Told>,
    /// Something was created or destroyed, so the state file has probably changed.
    pub(super) changed: Notify,
}

struct Told {
    /// The stage of the lines, when it is not the job's.
    stage: Option<&'static str>,
    /// What is measured now.
    timings: Timings,
    /// The run plans first and applies then.
    applies_next: bool,
    done: Vec<Timing>,
    first_error: Option<String>,
    /// The state that Terraform could write nowhere.
    dumped: Option<Bytes>,
}

impl<'a> Watcher<'a> {
    /// Watches a run that is one stage of the build.
    pub(super) fn new(
        logs: &'a dyn LogSink,
        clock: &'a dyn Clock,
        measured: TimingStage,
        stage: Option<&'static str>,
    ) -> Self {
        Self {
            logs,
            clock,
            told: Mutex::new(Told {
                stage,
                timings: Timings::new(measured, clock.now()),
                applies_next: false,
                done: Vec::new(),
                first_error: None,
                dumped: None,
            }),
            changed: Notify::new(),
        }
    }

    /// Watches a run that plans and then applies what it planned.
    pub(super) fn plan_and_apply(logs: &'a dyn LogSink, clock: &'a dyn Clock) -> Self {
        let watcher = Self::new(logs, clock, TimingStage::Plan, Some(stage::PLANNING));
        watcher.told().applies_next = true;
        watcher
    }

    /// Takes a line of output.
    pub(super) fn line(&self, stream: Stream, text: &str) {
        let progress = progress::read(stream, text);
        let mut told = self.told();
        for log in progress.logs {
            self.logs.log(match told.stage {
                Some(stage) => log.in_stage(stage),
                None => log,
            });
        }
        if told.first_error.is_none() {
            told.first_error = progress.error;
        }
        if progress.state.is_some() {
            told.dumped = progress.state;
        }
        let now = self.clock.now();
        if let Some(hook) = progress.hook {
            told.timings.add(hook, now);
            if !told.applies_next {
                self.changed.notify_one();
            }
        }
        if progress.planned && told.applies_next {
            told.applies_next = false;
            told.stage = None;
            let applying = Timings::new(TimingStage::Apply, now);
            let planning = std::mem::replace(&mut told.timings, applying);
            told.done.extend(planning.finish(now, true));
        }
    }

    /// The state that Terraform could write nowhere.
    pub(super) fn take_dumped(&self) -> Option<Bytes> {
        self.told().dumped.take().filter(|state| is_whole(state))
    }

    /// The durations, and the result with the first error that Terraform explained.
    pub(super) fn finish(self, result: Result<()>) -> (Vec<Timing>, Result<()>) {
        let told = self
            .told
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut timings = told.done;
        timings.extend(told.timings.finish(self.clock.now(), result.is_ok()));
        let explained = result.map_err(|error| match told.first_error {
            Some(text) if error.kind() == ErrorKind::Failed => {
                Error::new(ErrorKind::Failed, format!("{error}: {text}"))
            }
            _ => error,
        });
        (timings, explained)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Log;
    use coder_core::clock::SystemClock;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Log>>);

    impl LogSink for Kept {
        fn log(&self, log: Log) {
            self.0.lock().unwrap().push(log);
        }
    }

    fn hook(kind: &str) -> String {
        format!(
            r#"{{"@level":"info","@message":"{kind}","hook":{{"resource":{{"addr":"x.y"}},"action":"create"}},"type":"{kind}"}}"#
        )
    }

    #[test]
    fn a_run_that_plans_and_applies_has_both_stages() {
        let kept = Kept::default();
        let watcher = Watcher::plan_and_apply(&kept, &SystemClock);
        let summary = r#"{"@level":"info","@message":"Plan: 1","changes":{"operation":"plan"},"type":"change_summary"}"#;
        for line in [
            summary,
            &hook("apply_start"),
            &hook("apply_complete"),
            &summary.replace("plan\"", "apply\""),
        ] {
            watcher.line(Stream::Stdout, line);
        }
        let failed = Err(Error::new(ErrorKind::Failed, "terraform apply failed"));
        let (timings, _) = watcher.finish(failed);
        let stages: Vec<_> = timings
            .iter()
            .map(|timing| (timing.stage, timing.resource.as_str()))
            .collect();
        assert_eq!(
            stages,
            [
                (TimingStage::Plan, ""),
                (TimingStage::Apply, ""),
                (TimingStage::Apply, "x.y"),
            ]
        );
        let logged: Vec<_> = kept
            .0
            .lock()
            .unwrap()
            .drain(..)
            .map(|log| log.stage)
            .collect();
        assert_eq!(logged[0].as_deref(), Some(stage::PLANNING));
        assert!(logged[1..].iter().all(Option::is_none), "{logged:?}");
    }
}

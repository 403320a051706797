//! Durations of steps, from the events that Terraform prints.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::progress::{Hook, Phase};
use crate::protocol::{Timing, TimingStage, TimingState};

/// Steps that are measured in one run of Terraform; further ones are not.
const MAX_TIMINGS: usize = 10_000;

/// The steps of one run of Terraform.
#[derive(Debug)]
pub(super) struct Timings {
    stage: TimingStage,
    begin: DateTime<Utc>,
    open: BTreeMap<(String, String), (DateTime<Utc>, String)>,
    done: Vec<Timing>,
}

impl Timings {
    /// No steps yet, of a run that begins now.
    pub(super) fn new(stage: TimingStage, begin: DateTime<Utc>) -> Self {
        Self {
            stage,
            begin,
            open: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    /// Takes note of an event that was read at `now`.
    pub(super) fn add(&mut self, hook: Hook, now: DateTime<Utc>) {
        let at = hook.at.unwrap_or(now);
        let key = (hook.resource, hook.action);
        let state = match hook.phase {
            Phase::Start => {
                if self.open.len() + self.done.len() < MAX_TIMINGS {
                    self.open.insert(key, (at, hook.source));
                }
                return;
            }
            Phase::Complete => TimingState::Completed,
            Phase::Errored => TimingState::Failed,
        };
        if let Some(opened) = self.open.remove(&key) {
            self.close(key, opened, at, state);
        }
    }

    /// The steps, and the run as a whole. Steps without an end were cut off by the run's.
    pub(super) fn finish(mut self, now: DateTime<Utc>, completed: bool) -> Vec<Timing> {
        for (key, opened) in std::mem::take(&mut self.open) {
            self.close(key, opened, now, TimingState::Failed);
        }
        self.done.push(Timing {
            start: self.begin,
            end: now.max(self.begin),
            action: self.stage.as_str().to_owned(),
            source: "terraform".to_owned(),
            resource: String::new(),
            stage: self.stage,
            state: if completed {
                TimingState::Completed
            } else {
                TimingState::Failed
            },
        });
        self.done.sort_by(|one, other| {
            (one.start, &one.resource, &one.action).cmp(&(
                other.start,
                &other.resource,
                &other.action,
            ))
        });
        self.done
    }

    fn close(
        &mut self,
        (resource, action): (String, String),
        (start, source): (DateTime<Utc>, String),
        end: DateTime<Utc>,
        state: TimingState,
    ) {
        let end = end.max(start);
        self.done.push(Timing {
            start,
            end,
            action,
            source,
            resource,
            stage: self.stage,
            state,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn hook(phase: Phase, resource: &str, seconds: i64) -> Hook {
        Hook {
            phase,
            action: "create".into(),
            resource: resource.into(),
            source: "docker".into(),
            at: Some(at(seconds)),
        }
    }

    #[test]
    fn begins_and_ends_are_paired() {
        let mut timings = Timings::new(TimingStage::Apply, at(0));
        timings.add(hook(Phase::Start, "a", 1), at(9));
        timings.add(hook(Phase::Start, "b", 2), at(9));
        timings.add(hook(Phase::Start, "c", 3), at(9));
        timings.add(hook(Phase::Errored, "b", 4), at(9));
        timings.add(hook(Phase::Complete, "a", 5), at(9));
        timings.add(hook(Phase::Complete, "unknown", 6), at(9));
        let spans: Vec<_> = timings
            .finish(at(7), false)
            .into_iter()
            .map(|timing| (timing.resource, timing.start, timing.end, timing.state))
            .collect();
        let failed = TimingState::Failed;
        assert_eq!(
            spans,
            [
                (String::new(), at(0), at(7), failed),
                ("a".into(), at(1), at(5), TimingState::Completed),
                ("b".into(), at(2), at(4), failed),
                ("c".into(), at(3), at(7), failed),
            ]
        );
    }
}

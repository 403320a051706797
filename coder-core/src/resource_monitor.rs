//! Monitors of a workspace's memory and volumes: when to raise an alarm.

use crate::{Timestamp, enums::string_enum, id::WorkspaceAgentId};
use chrono::TimeDelta;

/// Seconds between two measurements of an agent.
pub const COLLECTION_INTERVAL_SECONDS: u64 = 10;
/// Measurements in a report.
pub const DATAPOINTS: usize = 20;
/// How many measurements in a row must agree before a state changes: with one every ten seconds, 100 seconds. A compiler
/// that takes all memory for a minute is no alarm.
const IN_A_ROW: usize = 10;
/// How long no second alarm is raised.
const DEBOUNCE: TimeDelta = TimeDelta::minutes(5);

string_enum! {
    /// Whether a monitored resource is used within its threshold.
    pub enum MonitorState {
        /// It is.
        Ok => "OK",
        /// It has been used more than that.
        Nok => "NOK",
    }
}

/// A monitor of one resource of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceMonitor {
    /// Whose.
    pub agent_id: WorkspaceAgentId,
    /// The folder whose volume is meant; `None` for the memory. Unique per agent.
    pub volume: Option<String>,
    /// Whether it is looked at.
    pub enabled: bool,
    /// Percent of the resource from which its use is too much.
    pub threshold: i32,
    /// What was found last.
    pub state: MonitorState,
    /// Until when no alarm is raised again.
    pub debounced_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its state changed last.
    pub updated_at: Timestamp,
}

/// How much of a resource is used, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceUsage {
    /// So much.
    pub used: i64,
    /// Of so much.
    pub total: i64,
}

impl ResourceUsage {
    /// Whether it reaches `threshold` percent. Nonsense does not.
    #[must_use]
    pub fn reaches(self, threshold: i32) -> bool {
        let (used, total) = (i128::from(self.used), i128::from(self.total));
        total > 0 && used >= 0 && used * 100 >= total * i128::from(threshold)
    }
}

impl ResourceMonitor {
    /// Takes measurements into account, the oldest first and `None` where nothing could be measured, and says whether
    /// to raise an alarm. The state changes when the last ten agree on it; an alarm is raised when it turns
    /// bad, but not within five minutes of the alarm before.
    pub fn observe(&mut self, usage: &[Option<ResourceUsage>], now: Timestamp) -> bool {
        if !self.enabled {
            return false;
        }
        let known = usage.iter().rev().flatten();
        let last: Vec<_> = known
            .take(IN_A_ROW)
            .map(|one| one.reaches(self.threshold))
            .collect();
        let state = match (self.state, last.as_slice()) {
            (state, last) if last.len() < IN_A_ROW => state,
            (MonitorState::Ok, last) if last.iter().all(|&reaches| reaches) => MonitorState::Nok,
            (MonitorState::Nok, last) if !last.iter().any(|&reaches| reaches) => MonitorState::Ok,
            (state, _) => state,
        };
        if state == self.state {
            return false;
        }
        self.state = state;
        self.updated_at = now;
        let alarm =
            state == MonitorState::Nok && self.debounced_until.is_none_or(|until| until <= now);
        if alarm {
            self.debounced_until = now.checked_add_signed(DEBOUNCE);
        }
        alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn monitor() -> ResourceMonitor {
        ResourceMonitor {
            agent_id: WorkspaceAgentId(Uuid::nil()),
            volume: None,
            enabled: true,
            threshold: 80,
            state: MonitorState::Ok,
            debounced_until: None,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn percent(values: &[i64]) -> Vec<Option<ResourceUsage>> {
        let usage = |&used: &i64| ResourceUsage { used, total: 100 };
        values.iter().map(usage).map(Some).collect()
    }

    #[test]
    fn ten_in_a_row_change_the_state() {
        let mut monitor = monitor();
        let mut values = vec![100; 9];
        assert!(!monitor.observe(&percent(&values), at(1)), "too few");
        values.insert(0, 10);
        assert!(!monitor.observe(&percent(&values), at(2)), "one was good");
        values.push(80);
        assert!(
            monitor.observe(&percent(&values), at(3)),
            "the threshold is reached"
        );
        assert_eq!(
            (monitor.state, monitor.updated_at),
            (MonitorState::Nok, at(3))
        );
        assert!(
            !monitor.observe(&percent(&values), at(4)),
            "it is bad already"
        );
        let mut values = vec![79; 9];
        values.insert(0, 80);
        assert!(!monitor.observe(&percent(&values), at(5)));
        assert_eq!(monitor.state, MonitorState::Nok);
        assert!(
            !monitor.observe(&percent(&[10; 10]), at(6)),
            "good news is no alarm"
        );
        assert_eq!(monitor.state, MonitorState::Ok);
    }

    #[test]
    fn alarms_are_debounced() {
        let mut monitor = monitor();
        assert!(monitor.observe(&percent(&[90; 20]), at(0)));
        monitor.observe(&percent(&[9; 20]), at(100));
        assert!(!monitor.observe(&percent(&[90; 20]), at(299)));
        assert_eq!(
            monitor.state,
            MonitorState::Nok,
            "the state is told all the same"
        );
        monitor.observe(&percent(&[9; 20]), at(299));
        assert!(monitor.observe(&percent(&[90; 20]), at(300)));
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let mut monitor = monitor();
        let mut usage = percent(&[90; 5]);
        usage.extend([None; 10]);
        assert!(!monitor.observe(&usage, at(0)), "five are not enough");
        usage.extend(percent(&[90; 5]));
        assert!(monitor.observe(&usage, at(0)));
        monitor.enabled = false;
        assert!(!monitor.observe(&percent(&[0; 20]), at(0)));
        assert_eq!(monitor.state, MonitorState::Nok, "it is not looked at");
        for (used, total) in [(-1, 100), (100, 0), (100, -1)] {
            assert!(
                !ResourceUsage { used, total }.reaches(0),
                "{used} of {total}"
            );
        }
        let all = ResourceUsage {
            used: i64::MAX,
            total: i64::MAX,
        };
        assert!(all.reaches(100));
    }
}

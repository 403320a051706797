//! Reports on their way to the server, in their order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::protocol::{LifecycleReport, ReportConnection, ScriptCompleted};
use crate::{AgentApi, Result};

/// States and script results kept while the server cannot be reached. The states of one life are nine at most.
const MAX_REPORTS: usize = 256;

/// Something that the server must hear, once and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    Lifecycle(LifecycleReport),
    Script(ScriptCompleted),
    Connection(ReportConnection),
}

/// The queue of reports; cheap to clone, all clones are one queue.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    reports: Mutex<VecDeque<Report>>,
    filled: Notify,
    emptied: Notify,
}

impl Report {
    pub(super) async fn send(&self, api: &dyn AgentApi) -> Result<()> {
        match self {
            Self::Lifecycle(report) => api.report_lifecycle(*report).await,
            Self::Script(completed) => api.script_completed(completed.clone()).await,
            Self::Connection(connection) => api.report_connection(connection.clone()).await,
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::holding(MAX_REPORTS)
    }
}

impl Outbox {
    /// An empty queue of at most so many reports.
    pub(super) fn holding(most: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                most,
                reports: Mutex::default(),
                filled: Notify::new(),
                emptied: Notify::new(),
            }),
        }
    }

    /// Adds a report. At the bound the oldest one that is no state makes room.
    pub(super) fn push(&self, report: Report) {
        let mut reports = self.lock();
        if reports.len() >= self.shared.most {
            let oldest = reports
                .iter()
                .position(|report| !matches!(report, Report::Lifecycle(_)));
            if let Some(oldest) = oldest {
                reports.remove(oldest);
            }
        }
        reports.push_back(report);
        drop(reports);
        self.shared.filled.notify_one();
    }

    /// Waits for the next report, which stays first until [`pop`](Self::pop).
    pub(super) async fn first(&self) -> Report {
        loop {
            if let Some(report) = self.lock().front().cloned() {
                return report;
            }
            self.shared.filled.notified().await;
        }
    }

    /// Removes the first report if it is `sent`; it may have made room meanwhile.
    pub(super) fn pop(&self, sent: &Report) {
        let mut reports = self.lock();
        if reports.front() == Some(sent) {
            reports.pop_front();
        }
        drop(reports);
        self.shared.emptied.notify_waiters();
    }

    /// Waits until all reports have been sent.
    pub(super) async fn flushed(&self) {
        loop {
            let emptied = self.shared.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Whether all reports have been sent.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Report>> {
        self.shared
            .reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{LifecycleState, ScriptStage, ScriptStatus};
    use coder_core::Timestamp;
    use coder_core::id::ScriptId;
    use uuid::Uuid;

    fn script(number: u128) -> Report {
        Report::Script(ScriptCompleted {
            script_id: ScriptId(Uuid::from_u128(number)),
            start: Timestamp::default(),
            end: Timestamp::default(),
            exit_code: 0,
            stage: ScriptStage::Cron,
            status: ScriptStatus::Ok,
            last_lines: String::new(),
        })
    }

    #[tokio::test]
    async fn states_outlive_a_flood_of_script_reports() {
        let state = LifecycleState::Starting;
        let starting = Report::Lifecycle(LifecycleReport {
            state,
            changed_at: Timestamp::default(),
        });
        let outbox = Outbox::default();
        outbox.push(starting.clone());
        for number in 0..10_000 {
            outbox.push(script(number));
        }
        assert_eq!(outbox.lock().len(), MAX_REPORTS);
        assert_eq!(outbox.first().await, starting);
        outbox.pop(&starting);
        assert_eq!(
            outbox.first().await,
            script(10_000 - (MAX_REPORTS as u128 - 1))
        );
    }
}

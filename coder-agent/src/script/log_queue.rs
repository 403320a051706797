//! Lines on their way to the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coder_core::id::LogSourceId;
use tokio::sync::Notify;

use crate::protocol::{Log, LogLevel, MAX_AGENT_LOG_BYTES, PatchLogs};

/// The most text in one call, in bytes.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// The most lines in one call.
const MAX_BATCH_LINES: usize = 1_000;

/// What an empty line counts, so that a flood of them has a bound too.
const LINE_OVERHEAD: usize = 16;

/// Said once, instead of everything after the bound.
const OVERFLOW_NOTICE: &str =
    "The log of this agent is full. Later output is only in the files in the workspace.";

/// The lines of all scripts, bounded by what the server would keep anyway: the first 1 MiB.
///
/// Cheap to clone; all clones are one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogQueue {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<(LogSourceId, Log)>,
    /// All text ever taken.
    taken_bytes: usize,
    full: bool,
    in_flight: bool,
}

impl LogQueue {
    /// Adds a line; beyond the bound it is dropped.
    pub(crate) fn push(&self, source: LogSourceId, log: Log) {
        let mut state = self.lock();
        if state.full {
            return;
        }
        let size = log.output.len() + LINE_OVERHEAD;
        if state.taken_bytes + size > MAX_AGENT_LOG_BYTES - OVERFLOW_NOTICE.len() - LINE_OVERHEAD {
            state.full = true;
            let created_at = log.created_at;
            let output = OVERFLOW_NOTICE.to_owned();
            state.lines.push_back((
                source,
                Log {
                    created_at,
                    output,
                    level: LogLevel::Warn,
                },
            ));
        } else {
            state.taken_bytes += size;
            state.lines.push_back((source, log));
        }
        drop(state);
        self.shared.filled.notify_one();
    }

    /// Waits until there is something to send.
    pub(crate) async fn filled(&self) {
        while self.lock().lines.is_empty() {
            self.shared.filled.notified().await;
        }
    }

    /// The next lines of one source, to be followed by [`sent`](Self::sent) or
    /// [`give_back`](Self::give_back).
    pub(crate) fn take_batch(&self) -> Option<PatchLogs> {
        let mut state = self.lock();
        let log_source_id = state.lines.front()?.0;
        let mut logs = Vec::new();
        let mut bytes = 0;
        while let Some((source, log)) = state.lines.front() {
            bytes += log.output.len();
            let over = bytes > MAX_BATCH_BYTES || logs.len() >= MAX_BATCH_LINES;
            if *source != log_source_id || (over && !logs.is_empty()) {
                break;
            }
            logs.extend(state.lines.pop_front().map(|(_, log)| log));
        }
        state.in_flight = true;
        Some(PatchLogs {
            log_source_id,
            logs,
        })
    }

    /// The last batch has arrived, or was refused for good.
    pub(crate) fn sent(&self) {
        self.lock().in_flight = false;
        self.shared.emptied.notify_waiters();
    }

    /// The last batch did not arrive; it comes first again.
    pub(crate) fn give_back(&self, batch: PatchLogs) {
        let mut state = self.lock();
        for log in batch.logs.into_iter().rev() {
            state.lines.push_front((batch.log_source_id, log));
        }
        state.in_flight = false;
    }

    /// The server takes no more: what waits and what comes is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.full = true;
        state.lines.clear();
        state.in_flight = false;
        drop(state);
        self.shared.emptied.notify_waiters();
    }

    /// Waits until everything has been sent.
    pub(crate) async fn flushed(&self) {
        loop {
            let emptied = self.shared.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn is_empty(&self) -> bool {
        let state = self.lock();
        state.lines.is_empty() && !state.in_flight
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::Timestamp;
    use uuid::Uuid;

    fn source(number: u128) -> LogSourceId {
        LogSourceId(Uuid::from_u128(number))
    }

    fn log(output: &str) -> Log {
        Log {
            created_at: Timestamp::default(),
            output: output.into(),
            level: LogLevel::Info,
        }
    }

    #[test]
    fn batches_hold_one_source_and_keep_the_order() {
        let queue = LogQueue::default();
        for (number, text) in [(1, "a"), (1, "b"), (2, "c"), (1, "d")] {
            queue.push(source(number), log(text));
        }
        let first = queue.take_batch().unwrap();
        assert_eq!((first.log_source_id, first.logs.len()), (source(1), 2));
        queue.give_back(first.clone());
        assert_eq!(queue.take_batch().unwrap(), first);
        queue.sent();
        assert_eq!(queue.take_batch().unwrap().logs, [log("c")]);
        assert_eq!(queue.take_batch().unwrap().logs, [log("d")]);
        assert_eq!(queue.take_batch(), None);
    }

    #[test]
    fn a_flood_is_cut_with_one_notice() {
        let queue = LogQueue::default();
        let line = "x".repeat(1_000);
        for _ in 0..100_000 {
            queue.push(source(1), log(&line));
        }
        let mut bytes = 0;
        let mut notices = 0;
        while let Some(batch) = queue.take_batch() {
            assert!(batch.logs.len() <= MAX_BATCH_LINES);
            let size: usize = batch.logs.iter().map(|log| log.output.len()).sum();
            assert!(size <= MAX_BATCH_BYTES);
            bytes += size;
            notices += batch
                .logs
                .iter()
                .filter(|log| log.level == LogLevel::Warn)
                .count();
        }
        assert!(bytes <= MAX_AGENT_LOG_BYTES);
        assert!(bytes > MAX_AGENT_LOG_BYTES * 9 / 10);
        assert_eq!(notices, 1);
        queue.push(source(2), log("late"));
        assert_eq!(queue.take_batch(), None);
    }

    #[test]
    fn empty_lines_have_a_bound_too() {
        let queue = LogQueue::default();
        for _ in 0..1_000_000 {
            queue.push(source(1), log(""));
        }
        assert!(queue.lock().lines.len() <= MAX_AGENT_LOG_BYTES / LINE_OVERHEAD);
    }

    #[tokio::test]
    async fn flushed_waits_for_what_is_in_flight() {
        let queue = LogQueue::default();
        queue.flushed().await;
        queue.push(source(1), log("a"));
        let batch = queue.take_batch().unwrap();
        let waiting = queue.clone();
        let flushed = tokio::spawn(async move { waiting.flushed().await });
        tokio::task::yield_now().await;
        assert!(!flushed.is_finished());
        queue.give_back(batch);
        queue.take_batch();
        queue.sent();
        flushed.await.unwrap();
    }
}

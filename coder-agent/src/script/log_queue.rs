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

/// The bound on the first part.
const HEAD_BYTES: usize =
    MAX_AGENT_LOG_BYTES - NOTICE_BYTES - TAILS as usize * (TAIL_BYTES + NOTICE_BYTES);

/// How many of the last bytes are kept once the first part is full, twice: those before the start phase ended, and those
/// before the agent did.
const TAIL_BYTES: usize = 128 * 1024;

/// More than a notice of ours takes, in bytes.
const NOTICE_BYTES: usize = 512;

/// How often the last lines can be sent.
const TAILS: u8 = 2;

/// Said where the first part ends.
const HEAD_IS_FULL: &str = "The log of this agent is long. From here on output is kept in the workspace only, and its \
                            last lines are added when the start scripts have ended and when the workspace stops.";

/// The lines of all scripts, bounded by what the server keeps: the first 768 KiB, and the last 128 KiB of both the start
/// phase and the agent's whole life. What is left out between is said.
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
    /// All text ever taken for the first part.
    head_bytes: usize,
    head_is_full: bool,
    tail: Tail,
    closed: bool,
    in_flight: bool,
}

/// The last lines, of which nobody knows yet whether they will be sent.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<(LogSourceId, Log)>,
    bytes: usize,
    dropped_lines: u64,
    dropped_bytes: u64,
    sent: u8,
}

impl LogQueue {
    /// A queue of an agent of which the server has so much text already.
    pub(crate) fn after(stored_bytes: usize) -> Self {
        let queue = Self::default();
        queue.lock().head_bytes = stored_bytes;
        queue
    }

    /// Adds a line.
    pub(crate) fn push(&self, source: LogSourceId, log: Log) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let size = log.output.len() + LINE_OVERHEAD;
        if state.head_is_full {
            state.tail.push(source, log, size);
            return;
        }
        if state.head_bytes + size <= HEAD_BYTES {
            state.head_bytes += size;
            state.lines.push_back((source, log));
        } else {
            state.head_is_full = true;
            let notice = notice(&log, HEAD_IS_FULL.to_owned());
            state.lines.push_back((source, notice));
            state.tail.push(source, log, size);
        }
        drop(state);
        self.shared.filled.notify_one();
    }

    /// A good moment to send the last lines, with what was left out before them.
    pub(crate) fn send_tail(&self) {
        let mut state = self.lock();
        let State { lines, tail, .. } = &mut *state;
        if tail.sent >= TAILS {
            return;
        }
        let Some((source, first)) = tail.lines.front() else {
            return;
        };
        if tail.dropped_lines > 0 {
            let text = format!(
                "{} lines of {} bytes are left out here.",
                tail.dropped_lines, tail.dropped_bytes
            );
            lines.push_back((*source, notice(first, text)));
        }
        lines.append(&mut tail.lines);
        *tail = Tail {
            sent: tail.sent + 1,
            ..Tail::default()
        };
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
        state.closed = true;
        state.lines.clear();
        state.tail = Tail::default();
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

impl Tail {
    /// Adds a line in place of the oldest ones.
    fn push(&mut self, source: LogSourceId, log: Log, size: usize) {
        self.lines.push_back((source, log));
        self.bytes += size;
        while self.bytes > TAIL_BYTES {
            let Some((_, oldest)) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.output.len() + LINE_OVERHEAD;
            self.dropped_lines += 1;
            self.dropped_bytes += oldest.output.len() as u64;
        }
    }
}

/// A line of ours beside `log`.
fn notice(log: &Log, output: String) -> Log {
    Log {
        created_at: log.created_at,
        output,
        level: LogLevel::Warn,
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

    fn drain(queue: &LogQueue) -> Vec<Log> {
        let mut lines = Vec::new();
        while let Some(batch) = queue.take_batch() {
            assert!(batch.logs.len() <= MAX_BATCH_LINES);
            let size: usize = batch.logs.iter().map(|log| log.output.len()).sum();
            assert!(size <= MAX_BATCH_BYTES);
            lines.extend(batch.logs);
        }
        lines
    }

    #[test]
    fn a_flood_keeps_its_beginning_and_both_ends_and_says_what_is_missing() {
        let queue = LogQueue::default();
        let mut lines = Vec::new();
        let mut said = 0;
        let mut missing = 0;
        for phase in 0..3 {
            for number in 0..100_000 {
                queue.push(source(1), log(&format!("{phase} {number:01000}")));
                said += 1;
            }
            queue.send_tail();
            lines.extend(drain(&queue));
        }
        let bytes: usize = lines.iter().map(|log| log.output.len()).sum();
        assert!(bytes <= MAX_AGENT_LOG_BYTES);
        assert!(bytes > MAX_AGENT_LOG_BYTES * 9 / 10);
        let (notices, lines): (Vec<_>, Vec<_>) =
            lines.iter().partition(|log| log.level == LogLevel::Warn);
        assert!(
            notices
                .iter()
                .all(|notice| notice.output.len() < NOTICE_BYTES)
        );
        assert_eq!(notices.len(), 3);
        for notice in &notices[1..] {
            missing += notice
                .output
                .split(' ')
                .next()
                .unwrap()
                .parse::<usize>()
                .unwrap();
        }
        assert_eq!(
            lines.len() + missing,
            said - 100_000,
            "of the third phase there is nothing"
        );
        let has = |phase, number: u32| {
            let text = format!("{phase} {number:01000}");
            lines.iter().any(|log| log.output == text)
        };
        assert!(has(0, 0) && has(0, 99_999) && has(1, 99_999));
        assert!(!has(0, 50_000) && !has(1, 0) && !has(2, 99_999));
    }

    #[test]
    fn a_short_log_has_no_notice() {
        let queue = LogQueue::default();
        queue.push(source(1), log("a"));
        queue.send_tail();
        queue.send_tail();
        assert_eq!(drain(&queue), [log("a")]);
    }

    #[test]
    fn a_restarted_agent_has_what_is_left() {
        let queue = LogQueue::after(HEAD_BYTES);
        queue.push(source(1), log("a"));
        assert_eq!(drain(&queue).len(), 1, "only the notice");
        queue.send_tail();
        assert_eq!(drain(&queue), [log("a")]);
    }

    #[test]
    fn empty_lines_have_a_bound_too() {
        let queue = LogQueue::default();
        for _ in 0..1_000_000 {
            queue.push(source(1), log(""));
        }
        queue.send_tail();
        assert!(queue.lock().lines.len() <= MAX_AGENT_LOG_BYTES / LINE_OVERHEAD);
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let queue = LogQueue::after(MAX_AGENT_LOG_BYTES);
        queue.push(source(1), log("a"));
        queue.close();
        queue.push(source(1), log("b"));
        queue.send_tail();
        assert_eq!(queue.take_batch(), None);
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

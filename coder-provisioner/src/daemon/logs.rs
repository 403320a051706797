//! The bounded log of one job.
//!
//! The first lines are passed on as they come. When the limit is near, the rest goes to a ring
//! that keeps only the last lines; they follow when the job ends, after a line that says how much
//! is missing. So the reader has the beginning and the end, where the reason of a failure is.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use coder_core::provisioner_job::{LogLevel, LogSource};

use crate::protocol::{
    JobLog, MAX_JOB_LOG_BYTES, MAX_JOB_LOG_LINES, MAX_LOG_BATCH_LINES, MAX_LOG_LINE_BYTES,
};

/// Share of the limit kept for the last lines, in bytes.
const TAIL_BYTES: usize = 128 * 1024;
/// Share of the line limit kept for the last lines.
const TAIL_LINES: usize = 1000;
/// Share of the limit kept for our own notes, in bytes.
const NOTE_BYTES: usize = 1024;
const HEAD_BYTES: usize = MAX_JOB_LOG_BYTES - TAIL_BYTES - NOTE_BYTES;
const HEAD_LINES: usize = MAX_JOB_LOG_LINES - TAIL_LINES - 2;

/// Lines of one job that are not sent yet, and the account of what may still come.
#[derive(Debug, Default)]
pub(super) struct LogBuffer {
    ready: VecDeque<JobLog>,
    accepted_bytes: usize,
    accepted_lines: usize,
    tail: VecDeque<JobLog>,
    tail_bytes: usize,
    dropped_lines: u64,
    overflowed: bool,
}

impl LogBuffer {
    /// Takes a line, cut to the longest a line may be.
    pub(super) fn push(&mut self, mut line: JobLog) {
        cut(&mut line.output);
        let size = line.output.len();
        let fits = self.accepted_bytes + size <= HEAD_BYTES && self.accepted_lines < HEAD_LINES;
        if !self.overflowed && fits {
            self.accepted_bytes += size;
            self.accepted_lines += 1;
            self.ready.push_back(line);
            return;
        }
        if !self.overflowed {
            self.overflowed = true;
            let text = "The log has reached its limit; its last lines follow when the job ends.";
            self.ready.push_back(note(&line, text.to_owned()));
        }
        self.tail_bytes += size;
        self.tail.push_back(line);
        while self.tail_bytes > TAIL_BYTES || self.tail.len() > TAIL_LINES {
            let Some(oldest) = self.tail.pop_front() else {
                break;
            };
            self.tail_bytes -= oldest.output.len();
            self.dropped_lines += 1;
        }
    }

    /// Ends the log: the kept last lines become ready.
    pub(super) fn close(&mut self, now: DateTime<Utc>) {
        if let Some(first) = self.tail.front()
            && self.dropped_lines > 0
        {
            let text = format!("{} lines are left out here.", self.dropped_lines);
            let mut line = note(first, text);
            line.created_at = now;
            self.ready.push_back(line);
        }
        self.ready.append(&mut self.tail);
        self.tail_bytes = 0;
        self.dropped_lines = 0;
    }

    /// Takes out the next lines to send.
    pub(super) fn take_batch(&mut self) -> Vec<JobLog> {
        let count = self.ready.len().min(MAX_LOG_BATCH_LINES);
        self.ready.drain(..count).collect()
    }

    /// Lines that can be sent.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether lines were, or may be, left out.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }
}

/// A warning of the daemon in the stage of another line.
fn note(line: &JobLog, output: String) -> JobLog {
    JobLog {
        created_at: line.created_at,
        source: LogSource::ProvisionerDaemon,
        level: LogLevel::Warn,
        stage: line.stage.clone(),
        output,
    }
}

/// Cuts a text to [`MAX_LOG_LINE_BYTES`] and says so, and replaces NUL, which a database cannot
/// hold.
fn cut(output: &mut String) {
    if output.len() > MAX_LOG_LINE_BYTES {
        let total = output.len();
        let mut end = MAX_LOG_LINE_BYTES - 64;
        while !output.is_char_boundary(end) {
            end -= 1;
        }
        output.truncate(end);
        output.push_str(&format!(" … ({} bytes left out)", total - end));
    }
    if output.contains('\0') {
        *output = output.replace('\0', "\u{fffd}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(output: String) -> JobLog {
        JobLog {
            created_at: DateTime::UNIX_EPOCH,
            source: LogSource::Provisioner,
            level: LogLevel::Info,
            stage: "s".into(),
            output,
        }
    }

    fn drain(buffer: &mut LogBuffer) -> Vec<JobLog> {
        let mut all = Vec::new();
        while buffer.ready() > 0 {
            let batch = buffer.take_batch();
            assert!(batch.len() <= MAX_LOG_BATCH_LINES);
            all.extend(batch);
        }
        all
    }

    #[test]
    fn a_flood_keeps_head_and_tail_within_the_limit() {
        let mut buffer = LogBuffer::default();
        for number in 0..200_000 {
            buffer.push(line(format!("{number:0100}")));
        }
        buffer.close(DateTime::UNIX_EPOCH);
        assert!(buffer.overflowed());
        let all = drain(&mut buffer);
        let bytes: usize = all.iter().map(|line| line.output.len()).sum();
        assert!(bytes <= MAX_JOB_LOG_BYTES, "{bytes}");
        assert!(bytes > MAX_JOB_LOG_BYTES / 2);
        assert_eq!(all[0].output, format!("{:0100}", 0));
        assert_eq!(all[all.len() - 1].output, format!("{:0100}", 199_999));
        let notes = all
            .iter()
            .filter(|line| line.level == LogLevel::Warn)
            .count();
        assert_eq!(notes, 2);
    }

    #[test]
    fn empty_lines_are_bounded_too() {
        let mut buffer = LogBuffer::default();
        for _ in 0..(MAX_JOB_LOG_LINES * 2) {
            buffer.push(line(String::new()));
        }
        buffer.close(DateTime::UNIX_EPOCH);
        assert!(drain(&mut buffer).len() <= MAX_JOB_LOG_LINES);
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let mut buffer = LogBuffer::default();
        buffer.push(line("ä".repeat(10 * 1024 * 1024)));
        buffer.push(line("a\0b".into()));
        let all = drain(&mut buffer);
        assert!(all[0].output.len() <= MAX_LOG_LINE_BYTES);
        assert!(all[0].output.ends_with("bytes left out)"));
        assert_eq!(all[1].output, "a\u{fffd}b");
    }
}

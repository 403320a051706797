//! What PostgreSQL writes to its standard error.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    task::JoinHandle,
};

/// Longest line that is kept in one piece, in bytes.
const LINE_LIMIT: u64 = 4096;
/// Lines kept for error messages.
const TAIL_LINES: usize = 20;
/// Longest output put into an error message, in bytes.
const TAIL_BYTES: usize = 4096;

/// Forwards the log of a PostgreSQL to ours, and keeps its last lines for error messages.
#[derive(Debug)]
pub(super) struct Output {
    tail: Arc<Mutex<VecDeque<String>>>,
    task: JoinHandle<()>,
}

impl Output {
    /// Reads `stream` until it ends.
    pub(super) fn forward(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let task = tokio::spawn(read(stream, Arc::clone(&tail)));
        Self { tail, task }
    }

    /// Waits for the end of the stream, which comes when the last process that has it ends.
    pub(super) async fn finish(&mut self) {
        // Only after a process that outlives PostgreSQL itself could this take longer.
        let end = tokio::time::timeout(std::time::Duration::from_secs(1), &mut self.task).await;
        if end.is_err() {
            tracing::debug!("the log of PostgreSQL is still open");
        }
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        let lines = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// The end of a program's output, as one line.
pub(super) fn tail_of(output: &[u8]) -> String {
    let start = output.len().saturating_sub(TAIL_BYTES);
    let end = String::from_utf8_lossy(output.get(start..).unwrap_or_default()).into_owned();
    end.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

async fn read(stream: impl AsyncRead + Unpin, tail: Arc<Mutex<VecDeque<String>>>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader)
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if text.starts_with("PANIC:") || text.starts_with("WARNING:") {
            tracing::warn!(line = ?text, "PostgreSQL");
        } else {
            tracing::debug!(line = ?text, "PostgreSQL");
        }
        let mut lines = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_lines_are_kept() {
        let mut text = "x".repeat(100_000);
        for number in 0..30 {
            text.push_str(&format!("\nline {number}"));
        }
        let mut output = Output::forward(std::io::Cursor::new(text.into_bytes()));
        output.finish().await;
        let tail = output.tail();
        assert!(
            tail.starts_with("line 10;") && tail.ends_with("; line 29"),
            "{tail}"
        );
    }
}

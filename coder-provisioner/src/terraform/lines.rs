//! Lines out of a byte stream that may be endless, broken or not text at all.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::protocol::MAX_STATE_BYTES;

/// Longest line that is kept, in bytes; the rest of a longer one is dropped. Terraform's own JSON
/// lines stay far below.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// How the line begins with which Terraform hands over a state that it can write nowhere. It is kept whole.
pub(super) const STATE_DUMP: &str = r#"{"@level":"info","@message":"Emergency state dump""#;
/// Longest such line: a state and what is around it.
const MAX_STATE_LINE_BYTES: usize = MAX_STATE_BYTES + 4096;
const CHUNK_BYTES: usize = 16 * 1024;

/// Reads a stream to its end and gives each line away.
pub(super) async fn read_lines(mut stream: impl AsyncRead + Unpin, mut each: impl FnMut(String)) {
    let mut splitter = Splitter::default();
    let mut lines = VecDeque::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match stream.read(&mut chunk).await {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(%error, "reading the output of terraform failed");
                break;
            }
        };
        splitter.push(chunk.get(..read).unwrap_or_default(), &mut lines);
        lines.drain(..).for_each(&mut each);
    }
    splitter.finish(&mut lines);
    lines.drain(..).for_each(each);
}

/// Splits bytes into lines.
#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    dropped: usize,
}

impl Splitter {
    fn push(&mut self, chunk: &[u8], lines: &mut VecDeque<String>) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (body, ends) = match piece.split_last() {
                Some((b'\n', body)) => (body, true),
                _ => (piece, false),
            };
            let room = self.limit().saturating_sub(self.line.len());
            let (kept, rest) = body.split_at(body.len().min(room));
            self.line.extend_from_slice(kept);
            self.dropped += rest.len();
            if ends {
                lines.push_back(self.take());
            }
        }
    }

    /// How long the present line may get. Its beginning is in the first chunk of it, or it is not that long yet.
    fn limit(&self) -> usize {
        if self.line.starts_with(STATE_DUMP.as_bytes()) {
            MAX_STATE_LINE_BYTES
        } else {
            MAX_LINE_BYTES
        }
    }

    fn finish(&mut self, lines: &mut VecDeque<String>) {
        if !self.line.is_empty() {
            lines.push_back(self.take());
        }
    }

    fn take(&mut self) -> String {
        let mut line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        self.line.shrink_to(CHUNK_BYTES);
        if self.dropped > 0 {
            line.push_str(&format!(" … ({} bytes left out)", self.dropped));
            self.dropped = 0;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        read_lines(bytes, |line| lines.push(line)).await;
        lines
    }

    #[tokio::test]
    async fn lines_are_split_and_the_last_needs_no_end() {
        assert_eq!(lines(b"a\n\nb").await, ["a", "", "b"]);
        assert!(lines(b"").await.is_empty());
    }

    // Covers R17.
    #[tokio::test]
    async fn long_and_broken_lines_are_kept_within_bounds() {
        let mut bytes = vec![b'x'; 10 * 1024 * 1024];
        bytes.extend(b"\nnext\xff\xfe\n");
        let lines = lines(&bytes).await;
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() < MAX_LINE_BYTES + 64);
        assert!(lines[0].ends_with("bytes left out)"));
        assert_eq!(lines[1], "next\u{fffd}\u{fffd}");
    }

    // Covers R9.
    #[tokio::test]
    async fn a_state_that_terraform_can_write_nowhere_is_kept_whole() {
        let mut bytes = STATE_DUMP.as_bytes().to_vec();
        bytes.extend(vec![b'x'; 3 * MAX_LINE_BYTES]);
        assert_eq!(lines(&bytes).await[0].len(), bytes.len());
    }
}

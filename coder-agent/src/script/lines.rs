//! Cuts output into lines that may be sent.

use crate::protocol::MAX_LOG_LINE_BYTES;

/// Longer lines are cut. Bytes that are not UTF-8 become three each, and must still fit.
const MAX_RAW_BYTES: usize = MAX_LOG_LINE_BYTES / 3;

/// Collects bytes until they make lines. Never holds more than one line of the largest size.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    pending: Vec<u8>,
}

impl LineSplitter {
    /// Takes more output and gives the lines it completed, without their ends. A line over the
    /// bound comes in pieces.
    pub(crate) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let mut rest = text;
            while self.pending.len() + rest.len() > MAX_RAW_BYTES {
                let room = MAX_RAW_BYTES - self.pending.len();
                let (now, later) = rest.split_at(room.min(rest.len()));
                self.pending.extend_from_slice(now);
                rest = later;
                // A character that the cut would break goes into the next piece.
                let tail = self.pending.split_off(complete_length(&self.pending));
                line(clean(&std::mem::replace(&mut self.pending, tail)));
            }
            self.pending.extend_from_slice(rest);
            if ended {
                line(clean(&std::mem::take(&mut self.pending)));
            }
        }
    }

    /// The last line when nothing ended it.
    pub(crate) fn finish(&mut self) -> Option<String> {
        (!self.pending.is_empty()).then(|| clean(&std::mem::take(&mut self.pending)))
    }
}

/// How many of `bytes` do not belong to a character that is cut at the end.
fn complete_length(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        // Wrong bytes in the middle hide what is at the end; they are replaced anyway.
        _ => bytes.len(),
    }
}

/// Valid UTF-8 without NUL and without the carriage return of a foreign line end.
pub(crate) fn clean(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.retain(|character| character != '\0');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line| lines.push(line));
            assert!(splitter.pending.len() <= MAX_RAW_BYTES);
        }
        lines.extend(splitter.finish());
        lines
    }

    #[test]
    fn lines_are_put_together() {
        assert_eq!(lines(&[b"a\nb", b"c\r\n", b"\nd"]), ["a", "bc", "", "d"]);
        assert_eq!(lines(&[b"\xc3", b"\xa9\n"]), ["é"]);
        assert!(lines(&[b""]).is_empty());
    }

    #[test]
    fn hostile_bytes_become_text() {
        assert_eq!(lines(&[b"a\0b\xff\xfe\n"]), ["ab\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn long_lines_come_in_pieces_without_loss() {
        let long = "é".repeat(5 * 1024 * 1024);
        let mut splitter = LineSplitter::default();
        let mut text = String::new();
        let mut pieces = 0;
        // An odd chunk size, so that characters are cut everywhere.
        for chunk in long.as_bytes().chunks(8_191) {
            splitter.push(chunk, |piece| {
                assert!(piece.len() <= MAX_LOG_LINE_BYTES);
                pieces += 1;
                text.push_str(&piece);
            });
        }
        text.extend(splitter.finish());
        assert_eq!(text, long);
        assert!(pieces >= long.len() / MAX_RAW_BYTES);
    }

    #[test]
    fn repaired_lines_stay_within_the_bound() {
        let garbage = vec![0xff; 10 * MAX_LOG_LINE_BYTES];
        let lines = lines(&[&garbage]);
        assert!(lines.iter().all(|line| line.len() <= MAX_LOG_LINE_BYTES));
        assert_eq!(lines.concat().len(), 3 * garbage.len());
    }

    #[test]
    fn an_odd_byte_before_a_long_line_does_not_shift_pieces_forever() {
        let mut bytes = vec![b'x'];
        bytes.extend_from_slice("é".repeat(MAX_LOG_LINE_BYTES).as_bytes());
        let text: String = lines(&[&bytes]).concat();
        assert_eq!(text.as_bytes(), bytes);
    }
}

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::MAX_LAST_LINES_BYTES;

/// Enough to see what went wrong, and little enough for a message.
const MAX_LINES: usize = 10;

/// The last lines of an output, for the message that its script failed. Cheap to clone; all clones are one output.
#[derive(Clone, Debug, Default)]
pub(super) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    pub(super) fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = line.floor_char_boundary(MAX_LAST_LINES_BYTES / MAX_LINES - 1);
        lines.push_back(line.get(..kept).unwrap_or_default().to_owned());
        if lines.len() > MAX_LINES {
            lines.pop_front();
        }
    }

    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (one, two) = lines.as_slices();
        [one, two].concat().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let lines = LastLines::default();
        assert_eq!(lines.text(), "");
        for number in 0..100 {
            lines.push(&format!("line {number}"));
        }
        assert!(lines.text().starts_with("line 90\n") && lines.text().ends_with("\nline 99"));
        for _ in 0..20 {
            lines.push(&"é".repeat(10_000));
        }
        assert!(lines.text().len() <= MAX_LAST_LINES_BYTES);
    }
}

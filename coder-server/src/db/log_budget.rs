//! How much log text is kept.

/// The bytes of log text that one job or agent has used.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogBudget {
    /// Bytes stored.
    pub(super) length: i64,
    /// Whether a line was dropped.
    pub(super) overflowed: bool,
    /// Most bytes that are stored.
    pub(super) limit: i64,
}

impl LogBudget {
    /// Whether a line is kept. Counts it if so, and notes the overflow if not. After the first line
    /// that does not fit none is kept, so that a log has an end instead of holes.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let length = i64::try_from(line.len()).unwrap_or(i64::MAX);
        let fits = !self.overflowed && length <= self.limit.saturating_sub(self.length);
        if fits {
            self.length = self.length.saturating_add(length);
        } else {
            self.overflowed = true;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_after_the_first_line_that_does_not_fit() {
        let mut budget = LogBudget {
            length: 4,
            overflowed: false,
            limit: 10,
        };
        assert!(budget.take("12345"));
        assert!(!budget.overflowed);
        assert!(!budget.take("12"));
        assert!(budget.overflowed);
        assert!(!budget.take("1"));
        assert_eq!(budget.length, 9);
    }

    #[test]
    fn the_budget_can_be_used_up() {
        let mut budget = LogBudget {
            length: 4,
            overflowed: false,
            limit: 10,
        };
        assert!(budget.take("123456"));
        assert!(budget.take(""));
        assert!(!budget.overflowed);
    }
}

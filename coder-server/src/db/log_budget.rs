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
    /// Whether a line still fits. Counts it if so, and notes the overflow if not.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let length = i64::try_from(line.len()).unwrap_or(i64::MAX);
        let fits = length <= self.limit.saturating_sub(self.length);
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
    fn lines_that_do_not_fit_are_dropped_one_by_one() {
        let mut budget = LogBudget {
            length: 4,
            overflowed: false,
            limit: 10,
        };
        assert!(budget.take("12345"));
        assert!(!budget.overflowed);
        assert!(!budget.take("12"));
        assert!(budget.overflowed);
        assert!(budget.take("1"));
        assert_eq!(budget.length, 10);
        assert!(budget.take(""));
    }
}

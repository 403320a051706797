//! Whether an agent that ended is started again, and when. No I/O, no clock.

use std::time::Duration;

/// The wait before the first restart.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait: agents must be back within five seconds after they were killed.
const LONGEST: Duration = Duration::from_secs(4);

/// An agent that ran so long was a good one: the next wait is short again.
const GOOD_AFTER: Duration = Duration::from_secs(60);

/// What follows the end of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The whole process ends.
    End,
    /// A new agent is started after a wait.
    Restart(Duration),
}

/// Counts agents that were killed one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Restarts {
    in_a_row: u32,
}

impl Restarts {
    /// After an agent that ran for `lasted` and was `killed`, or ended by itself.
    pub(super) fn after(&mut self, killed: bool, lasted: Duration) -> Next {
        if !killed {
            return Next::End;
        }
        if lasted >= GOOD_AFTER {
            self.in_a_row = 0;
        }
        let wait = FIRST.saturating_mul(1_u32.checked_shl(self.in_a_row).unwrap_or(u32::MAX));
        self.in_a_row = (self.in_a_row + 1).min(u32::BITS);
        Next::Restart(wait.min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_killed_agent_comes_back() {
        let mut restarts = Restarts::default();
        assert_eq!(restarts.after(false, Duration::ZERO), Next::End);
    }

    #[test]
    fn one_that_is_killed_again_and_again_waits_longer() {
        let mut restarts = Restarts::default();
        let mut next = |seconds| match restarts.after(true, Duration::from_secs(seconds)) {
            Next::Restart(wait) => wait.as_millis(),
            Next::End => panic!("it was killed"),
        };
        assert_eq!(
            [next(1), next(1), next(1), next(1)],
            [500, 1_000, 2_000, 4_000]
        );
        for _ in 0..100 {
            assert_eq!(next(1), 4_000);
        }
        assert_eq!([next(60), next(1)], [500, 1_000]);
    }
}

//! Pauses between retries.

use std::time::Duration;

use coder_core::clock::Entropy;

/// First pause.
const FIRST: Duration = Duration::from_millis(25);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// Counts failures in a row and says how long to pause.
pub(super) struct Backoff<'a> {
    entropy: &'a dyn Entropy,
    failures: u32,
}

impl<'a> Backoff<'a> {
    pub(super) fn new(entropy: &'a dyn Entropy) -> Self {
        Self {
            entropy,
            failures: 0,
        }
    }

    /// The pause after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        let pause = pause(self.failures, u32::from_le_bytes(bytes));
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Starts again after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Doubles from [`FIRST`] to [`LONGEST`]; `jitter` takes away up to half, so that daemons which
/// lost the same server do not come back in step.
fn pause(failures: u32, jitter: u32) -> Duration {
    let full = FIRST
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(LONGEST);
    let half = full / 2;
    half + half.mul_f64(f64::from(jitter) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!(pause(0, u32::MAX), FIRST);
        assert_eq!(pause(1, u32::MAX), FIRST * 2);
        assert_eq!(pause(40, u32::MAX), LONGEST);
        assert_eq!(pause(u32::MAX, 0), LONGEST / 2);
    }
}

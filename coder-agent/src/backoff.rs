use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait before the next try: 100 ms, doubling up to 10 s, each scattered so that many
/// agents that lost the server together do not come back together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure; `jitter`, from 0 to 1, spreads it between half and whole.
    pub(crate) fn next(&mut self, jitter: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = (self.failures + 1).min(u32::BITS);
        doubled
            .min(LONGEST)
            .mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// The longest wait, for failures that only a change on the other side can end.
    pub(crate) fn longest(&mut self, jitter: f64) -> Duration {
        self.failures = u32::BITS;
        self.next(jitter)
    }

    /// Begins anew after a success.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A random number from 0 up to, but not including, 1.
pub(crate) fn jitter(entropy: &dyn coder_core::clock::Entropy) -> f64 {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(
            waits,
            [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]
        );
        for _ in 0..100 {
            assert_eq!(backoff.next(0.0), LONGEST / 2);
        }
        backoff.reset();
        assert_eq!(backoff.next(0.0), FIRST / 2);
        assert_eq!(backoff.longest(1.0), LONGEST);
    }
}

//! Pauses between attempts to connect.

use std::time::Duration;

use coder_core::clock::{Entropy, OsEntropy};

/// First pause.
const FIRST: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// The pause after that many failures in a row: doubles from 50 ms to 10 s, of which up to half is
/// taken away at random so that daemons which lost the same server do not come back in step.
pub(super) fn pause(failures: u32) -> Duration {
    let mut bytes = [0; 4];
    OsEntropy.fill(&mut bytes);
    jittered(failures, u32::from_le_bytes(bytes))
}

fn jittered(failures: u32, jitter: u32) -> Duration {
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
        assert_eq!(jittered(0, u32::MAX), FIRST);
        assert_eq!(jittered(3, u32::MAX), FIRST * 8);
        assert_eq!(jittered(u32::MAX, u32::MAX), LONGEST);
        assert_eq!(jittered(u32::MAX, 0), LONGEST / 2);
    }
}

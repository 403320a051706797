use std::time::Duration;

use super::protocol::Report;

/// How long an interval is.
const INTERVAL: Duration = Duration::from_secs(1);

/// Bytes that came in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Since the beginning of the test.
    pub start: Duration,
    /// Since the beginning of the test.
    pub end: Duration,
    /// How many came.
    pub bytes: u64,
}

/// Divides a test into intervals. No I/O, no clock.
#[derive(Debug, Default)]
pub(super) struct Meter {
    begin: Report,
    last: Report,
}

impl Interval {
    /// Throughput in millions of bytes per second; 0 for no time.
    #[must_use]
    pub fn megabytes_per_second(&self) -> f64 {
        let seconds = self.end.saturating_sub(self.start).as_secs_f64();
        if seconds > 0.0 {
            self.bytes as f64 / seconds / 1e6
        } else {
            0.0
        }
    }
}

impl Meter {
    /// Takes what has come so far, which never grows less, and gives the interval that is over.
    pub(super) fn record(&mut self, now: Report) -> Option<Interval> {
        self.last = Report {
            elapsed: now.elapsed.max(self.last.elapsed),
            bytes: now.bytes.max(self.last.bytes),
        };
        (self.last.elapsed >= self.begin.elapsed + INTERVAL).then(|| self.cut())
    }

    /// The rest that is no whole interval, unless there is none.
    pub(super) fn rest(&mut self) -> Option<Interval> {
        (self.last != self.begin).then(|| self.cut())
    }

    /// All of the test.
    pub(super) const fn total(&self) -> Interval {
        Interval {
            start: Duration::ZERO,
            end: self.last.elapsed,
            bytes: self.last.bytes,
        }
    }

    fn cut(&mut self) -> Interval {
        let interval = Interval {
            start: self.begin.elapsed,
            end: self.last.elapsed,
            bytes: self.last.bytes - self.begin.bytes,
        };
        self.begin = self.last;
        interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(millis: u64, bytes: u64) -> Report {
        Report {
            elapsed: Duration::from_millis(millis),
            bytes,
        }
    }

    #[test]
    fn intervals_add_up() {
        let mut meter = Meter::default();
        let reports = [
            (400, 10),
            (1_100, 50),
            (1_900, 60),
            (2_100, 80),
            (2_400, 90),
        ];
        let mut intervals: Vec<_> = reports
            .iter()
            .filter_map(|(millis, bytes)| meter.record(report(*millis, *bytes)))
            .collect();
        intervals.extend(meter.rest());
        let sums: Vec<_> = intervals.iter().map(|one| one.bytes).collect();
        assert_eq!(sums, [50, 30, 10]);
        assert!(intervals.windows(2).all(|two| two[0].end == two[1].start));
        assert_eq!(meter.total().bytes, 90);
        assert_eq!(meter.rest(), None);
    }

    #[test]
    fn a_peer_that_counts_backwards_changes_nothing() {
        let mut meter = Meter::default();
        assert_eq!(
            meter
                .record(report(1_000, 5_000_000))
                .unwrap()
                .megabytes_per_second(),
            5.0
        );
        assert_eq!(meter.record(report(10, 1)), None);
        assert_eq!(meter.total().bytes, 5_000_000);
        assert_eq!(Interval::default().megabytes_per_second(), 0.0);
    }
}

//! A bad line between two ends, in memory and on Tokio's clock, so that hours of it take no time. The kernel's own
//! emulation (netem) is not everywhere; this one models what TCP makes of a bad line: order is kept, a lost
//! packet holds up all that follow.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{
    AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::time::{Instant, sleep_until, timeout};

/// What a line does to what passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) round_trip: Duration,
    /// Bytes per second.
    pub(crate) rate: u64,
    /// Bytes of a packet.
    pub(crate) packet: usize,
    /// Of a thousand packets, those that have to be sent again, a round trip later.
    pub(crate) lost: u64,
    /// How long nothing passes, and how often.
    pub(crate) blackout: Option<(Duration, Duration)>,
    /// A box on the way forgets the connection after so long without a packet.
    pub(crate) forgets_after: Option<Duration>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            round_trip: Duration::from_millis(1),
            rate: 1_000_000_000,
            packet: 1_440,
            lost: 0,
            blackout: None,
            forgets_after: None,
        }
    }
}

impl Line {
    /// The two ends of a connection over this line.
    pub(crate) fn connect(self) -> (DuplexStream, DuplexStream) {
        let (one, near) = duplex(64 * 1024);
        let (other, far) = duplex(64 * 1024);
        let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
        tokio::spawn(self.carry(near_read, far_write, 1));
        tokio::spawn(self.carry(far_read, near_write, 2));
        (one, other)
    }

    /// Carries one direction. As much as fits into two round trips is under way at once.
    async fn carry(
        self,
        mut from: ReadHalf<DuplexStream>,
        mut to: WriteHalf<DuplexStream>,
        seed: u64,
    ) {
        let mut random = 0x2545_f491_4f6c_dd1d_u64.wrapping_mul(seed);
        let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
        let (mut bytes, mut free_at, mut last) = (0, Instant::now(), Instant::now());
        let capacity =
            (self.rate as f64 * self.round_trip.as_secs_f64() * 2.0) as usize + self.packet;
        let (mut ended, start) = (false, Instant::now());
        let mut buffer = vec![0; self.packet];
        loop {
            let due = under_way.front().map(|(due, _)| *due);
            let idle = self.forgets_after.unwrap_or(Duration::MAX / 4);
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let Some((_, packet)) = under_way.pop_front() else { return };
                    bytes -= packet.len();
                    if to.write_all(&packet).await.is_err() {
                        return;
                    }
                }
                read = timeout(idle, from.read(&mut buffer)), if !ended && bytes < capacity => {
                    let length = match read {
                        Ok(Ok(length)) => length,
                        // Forgotten: what comes later goes nowhere, and nobody is told.
                        Err(_) => return std::future::pending().await,
                        Ok(Err(_)) => 0,
                    };
                    ended = length == 0;
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let sending = Duration::from_secs_f64(length as f64 / self.rate as f64);
                    free_at = free_at.max(Instant::now()) + sending;
                    let mut due = free_at + self.round_trip / 2;
                    if random % 1_000 < self.lost {
                        due += self.round_trip;
                    }
                    if let Some((dark, every)) = self.blackout {
                        let phase = (due - start).as_nanos() % every.as_nanos();
                        let dark = dark.as_nanos();
                        if phase < dark && due - start > every {
                            due += Duration::from_nanos((dark - phase) as u64);
                        }
                    }
                    // Order is kept.
                    last = last.max(due);
                    bytes += length;
                    under_way.push_back((last, buffer.get(..length).unwrap_or_default().to_vec()));
                }
                else => return drop(to.shutdown().await),
            }
            if ended && under_way.is_empty() {
                return drop(to.shutdown().await);
            }
        }
    }
}

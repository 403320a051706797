//! How much of a channel may be on its way to us. No clock: the caller says what time it is.
//!
//! A large window costs clients that are near: OpenSSH's keeps all that it may send in one buffer, and with 16 MB it
//! spends most of its time on page faults there. A small one costs clients that are far: they send it and wait for a
//! round trip. So the window begins small, and doubles when a client was seen to wait: it has sent exactly what it was
//! allowed before the last allowances, and goes on only a while later, when those have reached it.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::{Duration, Instant};

use super::limits::{MAX_CHANNELS, MAX_WINDOW_SIZE, WINDOW_SIZE};

/// A pause that is long enough for a round trip that matters: [`WINDOW_SIZE`] in each 20 ms are 100 MB/s. Shorter ones
/// come from a busy machine.
const WAITED: Duration = Duration::from_millis(20);

/// The window of a connection's channels.
#[derive(Debug)]
pub(super) struct Window {
    size: u32,
    channels: BTreeMap<u32, Channel>,
}

#[derive(Debug)]
struct Channel {
    received: u64,
    /// What the client was allowed to have sent altogether, each time that it was told, if it may not have sent it yet.
    allowed: VecDeque<u64>,
    /// What the next bytes come with: a new allowance of so much beyond them.
    grant: Option<u32>,
    last: Instant,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            size: WINDOW_SIZE,
            channels: BTreeMap::new(),
        }
    }

    /// How much may be on its way.
    pub(super) const fn size(&self) -> u32 {
        self.size
    }

    /// With the bytes that are noted next, the client is allowed `window` more than those.
    pub(super) fn granted(&mut self, channel: u32, window: u32, now: Instant) {
        if let Some(channel) = self.channel(channel, now) {
            channel.grant = Some(window);
        }
    }

    /// Notes bytes that have arrived.
    pub(super) fn received(&mut self, channel: u32, bytes: usize, now: Instant) {
        let Some(channel) = self.channel(channel, now) else {
            return;
        };
        let waited = channel.allowed.len() > 1
            && channel.allowed.front() == Some(&channel.received)
            && now.duration_since(channel.last) >= WAITED;
        channel.last = now;
        channel.received = channel.received.saturating_add(bytes as u64);
        if let Some(window) = channel.grant.take() {
            let allowed = channel.received.saturating_add(window.into());
            channel.allowed.push_back(allowed);
        }
        let received = channel.received;
        channel.allowed.retain(|allowed| *allowed >= received);
        if waited {
            self.size = self.size.saturating_mul(2).min(MAX_WINDOW_SIZE);
        }
    }

    /// A channel has been closed.
    pub(super) fn forget(&mut self, channel: u32) {
        self.channels.remove(&channel);
    }

    fn channel(&mut self, number: u32, now: Instant) -> Option<&mut Channel> {
        if self.channels.len() >= MAX_CHANNELS && !self.channels.contains_key(&number) {
            return None;
        }
        Some(self.channels.entry(number).or_insert_with(|| Channel {
            received: 0,
            allowed: VecDeque::from([WINDOW_SIZE.into()]),
            grant: None,
            last: now,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: u32 = 32 * 1024;

    /// A client that has much to send, some packets in each millisecond, over a way of its length, as the library grants
    /// windows. Gives the part of five seconds' packets that has arrived after those.
    fn upload(window: &mut Window, round_trip: Duration, packets_at_once: u32) -> f64 {
        let start = Instant::now();
        let tick = Duration::from_millis(1);
        // What is on its way, by when it arrives: packets, and allowances.
        let mut packets: VecDeque<Instant> = VecDeque::new();
        let mut grants: VecDeque<(Instant, u32)> = VecDeque::new();
        let (mut may_send, mut left, mut target) = (WINDOW_SIZE, WINDOW_SIZE, WINDOW_SIZE);
        let mut received = 0_u32;
        for millisecond in 0..5_000 {
            let now = start + tick * millisecond;
            while grants.front().is_some_and(|(due, _)| *due <= now) {
                may_send += grants.pop_front().unwrap().1;
            }
            for _ in 0..packets_at_once {
                if may_send >= PACKET {
                    may_send -= PACKET;
                    packets.push_back(now + round_trip / 2);
                }
            }
            while packets.front().is_some_and(|due| *due <= now) {
                packets.pop_front();
                received += 1;
                left -= PACKET;
                if left < target / 2 {
                    grants.push_back((now + round_trip / 2, target - left));
                    left = target;
                    window.granted(7, target, now);
                    target = window.size();
                }
                window.received(7, PACKET as usize, now);
            }
        }
        f64::from(received) / f64::from(5_000 * packets_at_once)
    }

    #[test]
    fn a_client_that_is_near_keeps_a_small_window() {
        let mut window = Window::new();
        let sent = upload(&mut window, Duration::from_millis(2), 15);
        assert_eq!(window.size(), WINDOW_SIZE);
        assert!(sent > 0.99, "{sent}");
    }

    #[test]
    fn a_client_that_is_far_gets_a_large_one() {
        // 98 MB/s and 33 MB/s, of which the small window would carry 20 and 7.
        for (round_trip, packets) in [(100, 3), (300, 1)] {
            let mut window = Window::new();
            let sent = upload(&mut window, Duration::from_millis(round_trip), packets);
            assert!(window.size() >= 4 * WINDOW_SIZE, "{round_trip} ms");
            assert!(sent > 0.6, "{round_trip} ms: {sent}");
        }
    }

    #[test]
    fn a_client_that_has_nothing_to_say_is_not_waiting() {
        let mut window = Window::new();
        let mut now = Instant::now();
        for _ in 0..1_000 {
            now += Duration::from_secs(1);
            window.received(1, 1_000, now);
        }
        assert_eq!(window.size(), WINDOW_SIZE);
        for channel in 0..100_000 {
            window.received(channel, 1, now);
        }
        assert_eq!(window.channels.len(), MAX_CHANNELS);
        window.forget(1);
        assert_eq!(window.channels.len(), MAX_CHANNELS - 1);
    }
}

//! When to connect, when to wait, when to stop. No I/O, no clock.

use std::time::Duration;

use crate::ErrorKind;
use crate::backoff::Backoff;

/// A connection that lasted so long was a good one: the next wait is short again.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// The longest wait of an agent that the server does not know yet: it may have been started by a
/// build that is still running, and is known when that is done.
const LONGEST_WHILE_BUILT: Duration = Duration::from_secs(1);

/// After so many refusals, two minutes at least, no build is waited for any more.
const REFUSALS_WHILE_BUILT: u32 = 240;

/// The longest wait that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// Where the agent is with its connection to the server.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionState {
    phase: Phase,
    backoff: Backoff,
    /// How often the server has refused an agent that was never connected.
    refusals: u32,
    was_connected: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Connecting,
    Connected,
    Waiting,
    Stopped,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The tunnel is up.
    Opened,
    /// Connecting failed.
    Failed(ErrorKind),
    /// The server has too much to do, and said when to try again.
    TurnedAway { after: Duration },
    /// The tunnel ended after so long.
    Ended { lasted: Duration },
    /// The wait is over.
    Waited,
    /// The agent shall end.
    Shutdown,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Connect now.
    Connect,
    /// Serve the tunnel.
    Serve,
    /// Wait, then report [`Event::Waited`].
    Wait(Duration),
    /// Nothing any more.
    Stop,
}

impl ConnectionState {
    pub(super) fn on(&mut self, event: Event, jitter: f64) -> Action {
        let (phase, action) = match (self.phase, event) {
            (Phase::Stopped, _) | (_, Event::Shutdown) => (Phase::Stopped, Action::Stop),
            (Phase::Connecting, Event::Opened) => {
                self.was_connected = true;
                (Phase::Connected, Action::Serve)
            }
            (_, Event::Failed(kind)) => {
                let wait = match kind {
                    ErrorKind::Unauthenticated if self.may_be_built() => {
                        self.refusals += 1;
                        self.backoff.next(jitter).min(LONGEST_WHILE_BUILT)
                    }
                    // The server is there and says no: asking often does not help.
                    ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::NotFound => {
                        self.backoff.longest(jitter)
                    }
                    _ => self.backoff.next(jitter),
                };
                (Phase::Waiting, Action::Wait(wait))
            }
            (_, Event::TurnedAway { after }) => {
                // The backoff goes on, for a server that says the same to all for ever; and those who
                // were turned away together come back apart.
                let asked = after.min(LONGEST_ASKED).mul_f64(1.0 + jitter);
                let wait = self.backoff.next(jitter).max(asked);
                (Phase::Waiting, Action::Wait(wait))
            }
            (_, Event::Ended { lasted }) => {
                if lasted >= GOOD_AFTER {
                    self.backoff.reset();
                }
                (Phase::Waiting, Action::Wait(self.backoff.next(jitter)))
            }
            (_, Event::Waited) => (Phase::Connecting, Action::Connect),
            // A tunnel can only be opened while connecting; another one is ended.
            (Phase::Connected | Phase::Waiting, Event::Opened) => {
                (Phase::Connecting, Action::Connect)
            }
        };
        self.phase = phase;
        action
    }

    const fn may_be_built(&self) -> bool {
        !self.was_connected && self.refusals < REFUSALS_WHILE_BUILT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(action: Action) -> u128 {
        match action {
            Action::Wait(wait) => wait.as_millis(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn failures_wait_longer_and_longer() {
        let mut state = ConnectionState::default();
        for expected in [100, 200, 400] {
            let failed = Event::Failed(ErrorKind::Unavailable);
            assert_eq!(millis(state.on(failed, 1.0)), expected);
            assert_eq!(state.on(Event::Waited, 1.0), Action::Connect);
        }
    }

    #[test]
    fn a_server_says_when_to_come_back() {
        let mut state = ConnectionState::default();
        let after = Duration::from_secs(2);
        let turned_away = Event::TurnedAway { after };
        assert_eq!(millis(state.on(turned_away, 0.0)), 2_000);
        assert_eq!(millis(state.on(turned_away, 1.0)), 4_000);
        let after = Duration::MAX;
        let for_ever = Event::TurnedAway { after };
        assert_eq!(millis(state.on(for_ever, 0.0)), 60_000);
        for _ in 0..10 {
            state.on(turned_away, 1.0);
        }
        assert_eq!(millis(state.on(turned_away, 1.0)), 10_000);
    }

    #[test]
    fn a_refused_token_is_not_asked_again_soon() {
        let mut state = ConnectionState::default();
        state.on(Event::Opened, 1.0);
        let refused = Event::Failed(ErrorKind::Unauthenticated);
        assert_eq!(millis(state.on(refused, 1.0)), 10_000);
    }

    #[test]
    fn an_agent_of_a_running_build_waits_for_its_end() {
        let mut state = ConnectionState::default();
        let refused = Event::Failed(ErrorKind::Unauthenticated);
        for expected in [100, 200, 400, 800, 1_000, 1_000] {
            assert_eq!(millis(state.on(refused, 1.0)), expected);
        }
        for _ in 6..REFUSALS_WHILE_BUILT {
            assert_eq!(millis(state.on(refused, 1.0)), 1_000);
        }
        assert_eq!(millis(state.on(refused, 1.0)), 10_000);
    }

    #[test]
    fn only_a_connection_that_lasted_resets_the_wait() {
        let mut state = ConnectionState::default();
        for expected in [100, 200] {
            assert_eq!(state.on(Event::Opened, 1.0), Action::Serve);
            let ended = Event::Ended {
                lasted: Duration::from_secs(1),
            };
            assert_eq!(millis(state.on(ended, 1.0)), expected);
            state.on(Event::Waited, 1.0);
        }
        state.on(Event::Opened, 1.0);
        let ended = Event::Ended {
            lasted: Duration::from_secs(60),
        };
        assert_eq!(millis(state.on(ended, 1.0)), 100);
    }

    #[test]
    fn nothing_follows_a_shutdown() {
        let mut state = ConnectionState::default();
        assert_eq!(state.on(Event::Shutdown, 0.0), Action::Stop);
        for event in [
            Event::Opened,
            Event::Waited,
            Event::Failed(ErrorKind::Closed),
        ] {
            assert_eq!(state.on(event, 0.0), Action::Stop);
        }
    }
}

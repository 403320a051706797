use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::limits::MAX_CLOSED_FIRST;

/// Who closes the channels of a connection.
///
/// The SSH library keeps about 4 KB of each channel that our end has closed first, until the
/// connection ends. So where it does no harm the client is left to do it:
///
/// * A forwarded stream that has ended both ways is closed by every client.
/// * Sessions over a control master of OpenSSH are closed by it once both ends have sent their last
///   byte. All others wait for the server, and would be slowed down; of those there is one for each
///   connection.
///
/// What is left is counted, and in the end the connection takes no more channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_openssh: AtomicBool,
    sessions: AtomicUsize,
    /// The client was left to close a session, and did not.
    waited_in_vain: AtomicBool,
    closed_first: AtomicUsize,
}

impl Closing {
    /// Notes which client this is, by the first line it has sent.
    pub(super) fn set_client(&self, identification: &[u8]) {
        let is_openssh = identification.starts_with(b"SSH-2.0-OpenSSH_");
        self.0.is_openssh.store(is_openssh, Ordering::Relaxed);
    }

    /// The client has opened a session.
    pub(super) fn session_opened(&self) {
        self.0.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the client closes a session by itself.
    pub(super) fn client_closes(&self) -> bool {
        self.0.is_openssh.load(Ordering::Relaxed)
            && self.0.sessions.load(Ordering::Relaxed) > 1
            && !self.0.waited_in_vain.load(Ordering::Relaxed)
    }

    /// It did not.
    pub(super) fn waited_in_vain(&self) {
        self.0.waited_in_vain.store(true, Ordering::Relaxed);
    }

    /// Our end has closed a channel first.
    pub(super) fn closed_first(&self) {
        self.0.closed_first.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this has happened too often.
    pub(super) fn is_worn_out(&self) -> bool {
        self.0.closed_first.load(Ordering::Relaxed) >= MAX_CLOSED_FIRST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_masters_close_sessions() {
        let closing = Closing::default();
        closing.set_client(b"SSH-2.0-OpenSSH_9.2p1 Debian-2");
        closing.session_opened();
        assert!(!closing.client_closes());
        closing.session_opened();
        assert!(closing.client_closes());
        closing.set_client(b"SSH-2.0-Go");
        assert!(!closing.client_closes());
        closing.set_client(b"SSH-2.0-OpenSSH_10.0");
        closing.waited_in_vain();
        assert!(!closing.client_closes());
    }

    #[test]
    fn a_connection_wears_out() {
        let closing = Closing::default();
        for _ in 0..MAX_CLOSED_FIRST {
            assert!(!closing.is_worn_out());
            closing.closed_first();
        }
        assert!(closing.is_worn_out());
    }
}

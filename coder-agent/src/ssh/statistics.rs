use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::SessionType;
use crate::traffic::Traffic;

/// How much a server is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshStatistics {
    /// Connections that are logged in, by what their clients are.
    pub connections: BTreeMap<SessionType, u64>,
    /// Bytes that sessions and forwarded streams have received since the start. Handshakes and
    /// keep-alives do not count.
    pub received_bytes: u64,
    /// The same for sent bytes.
    pub sent_bytes: u64,
}

/// Counts connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    counts: Arc<Mutex<BTreeMap<SessionType, u64>>>,
    pub(super) traffic: Traffic,
}

/// Hears what the client of a connection is, once that is known.
pub(super) type Known = watch::Sender<Option<SessionType>>;

/// A connection in the count, for as long as this lives.
#[derive(Debug)]
pub(super) struct Counted {
    connections: Connections,
    known: Known,
    /// `None` until the client has logged in.
    session_type: Mutex<Option<SessionType>>,
}

impl Connections {
    pub(super) fn add(&self, known: Known) -> Counted {
        Counted {
            connections: self.clone(),
            known,
            session_type: Mutex::new(None),
        }
    }

    pub(super) fn statistics(&self) -> SshStatistics {
        let moved = self.traffic.totals();
        SshStatistics {
            connections: lock(&self.counts).clone(),
            received_bytes: moved.received.bytes,
            sent_bytes: moved.sent.bytes,
        }
    }
}

impl Counted {
    /// Counts the connection, as that of some SSH client until more is known.
    pub(super) fn log_in(&self) {
        self.replace(|before| before.or(Some(SessionType::Ssh)));
    }

    /// What the client says it is.
    pub(super) fn says(&self, session_type: SessionType) {
        self.replace(|before| before.and(Some(session_type)));
    }

    /// The client has begun a session: what it says comes before that.
    pub(super) fn settle(&self) {
        let session_type = lock(&self.session_type).clone();
        self.known.send_if_modified(|known| {
            let news = known.is_none() && session_type.is_some();
            if news {
                *known = session_type;
            }
            news
        });
    }

    /// What the client seems to be, unless it says something else.
    pub(super) fn seems(&self, session_type: SessionType) {
        self.replace(|before| match before {
            Some(SessionType::Ssh) => Some(session_type),
            other => other,
        });
    }

    /// Whether nothing better is known than that it is some SSH client.
    pub(super) fn is_unknown(&self) -> bool {
        *lock(&self.session_type) == Some(SessionType::Ssh)
    }

    fn replace(&self, change: impl FnOnce(Option<SessionType>) -> Option<SessionType>) {
        let mut session_type = lock(&self.session_type);
        let mut counts = lock(&self.connections.counts);
        let before = session_type.take();
        if let Some(before) = &before
            && let Some(count) = counts.get_mut(before)
        {
            *count -= 1;
            if *count == 0 {
                counts.remove(before);
            }
        }
        *session_type = change(before);
        if let Some(after) = &*session_type {
            *counts.entry(after.clone()).or_default() += 1;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.replace(|_| None);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_once() {
        let connections = Connections::default();
        let counts = |expected: &[(SessionType, u64)]| {
            let expected = expected.iter().cloned().collect();
            assert_eq!(connections.statistics().connections, expected);
        };
        let one = connections.add(Known::new(None));
        one.says(SessionType::VsCode);
        counts(&[]);
        one.log_in();
        assert!(one.is_unknown());
        counts(&[(SessionType::Ssh, 1)]);
        one.seems(SessionType::JetBrains);
        one.log_in();
        counts(&[(SessionType::JetBrains, 1)]);
        one.says(SessionType::VsCode);
        one.seems(SessionType::JetBrains);
        let two = connections.add(Known::new(None));
        two.log_in();
        counts(&[(SessionType::Ssh, 1), (SessionType::VsCode, 1)]);
        drop((one, two));
        counts(&[]);
    }
    #[test]
    fn what_a_client_is_is_known_when_its_first_session_begins() {
        let (known, mut hears) = watch::channel(None);
        let one = Connections::default().add(known);
        one.settle();
        assert_eq!(*hears.borrow_and_update(), None, "nobody has logged in");
        one.log_in();
        one.says(SessionType::VsCode);
        one.settle();
        assert_eq!(*hears.borrow_and_update(), Some(SessionType::VsCode));
        one.says(SessionType::JetBrains);
        one.settle();
        assert!(!hears.has_changed().unwrap());
    }
}

//! Who is connected to the workspace: counted, and told to the server.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coder_core::Timestamp;
use coder_core::clock::{Clock, Entropy};
use coder_core::id::ConnectionId;
use tokio::sync::watch;
use tokio::time::timeout;

use super::outbox::{Outbox, Report};
use crate::Result;
use crate::protocol::{ConnectionAction, ConnectionType, ReportConnection};
use crate::ssh::SessionType;

/// How long a client may take until it is known what it is.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// Reports kept while the server cannot be reached; beyond that the oldest are lost.
const MAX_REPORTS: usize = 2_048;

/// The open connections of one workspace; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    shared: Arc<Shared>,
}

struct Shared {
    open: Mutex<BTreeMap<ConnectionType, i64>>,
    reports: Outbox,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A connection that has begun; it has ended when this is dropped.
pub(crate) struct OpenConnection {
    shared: Arc<Shared>,
    id: ConnectionId,
    /// What it is counted as.
    counted: ConnectionType,
    /// What the server was told that it is.
    told: Option<ConnectionType>,
    since: Timestamp,
    exit_code: Option<i32>,
    reason: String,
}

impl Connections {
    pub(super) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            shared: Arc::new(Shared {
                open: Mutex::default(),
                reports: Outbox::holding(MAX_REPORTS),
                clock,
                entropy,
            }),
        }
    }

    /// What the server has not heard yet.
    pub(super) fn reports(&self) -> &Outbox {
        &self.shared.reports
    }

    /// How many are open of a kind.
    pub(super) fn count(&self, kind: ConnectionType) -> i64 {
        self.shared.open().get(&kind).copied().unwrap_or_default()
    }

    /// A connection begins.
    pub(crate) fn begin(&self, kind: ConnectionType) -> OpenConnection {
        let mut open = self.begin_untold(kind);
        open.tell(kind);
        open
    }

    /// A connection begins whose client may turn out to be something more than `kind`. The server is told when that
    /// is known, at the latest when the connection ends.
    pub(super) fn begin_untold(&self, kind: ConnectionType) -> OpenConnection {
        *self.shared.open().entry(kind).or_default() += 1;
        OpenConnection {
            shared: Arc::clone(&self.shared),
            id: ConnectionId::generate(&*self.shared.entropy),
            counted: kind,
            told: None,
            since: self.shared.clock.now(),
            exit_code: None,
            reason: String::new(),
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<ConnectionType, i64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnection {
    /// The connection ends, with the exit code of what ran in it if there was one, and why.
    pub(crate) fn end(mut self, exit_code: Option<i32>, reason: impl Into<String>) {
        self.exit_code = exit_code;
        self.reason = reason.into();
    }

    /// As [`until`](Self::until), and the server is told of it when `client` is known, or takes too long to be.
    pub(super) async fn until_known(
        mut self,
        served: impl Future<Output = Result<()>>,
        mut client: watch::Receiver<Option<SessionType>>,
    ) -> Result<()> {
        let usual = self.counted;
        let told = async {
            let known = timeout(KNOWN_WITHIN, client.wait_for(Option::is_some)).await;
            match known.ok().and_then(std::result::Result::ok).as_deref() {
                Some(Some(SessionType::VsCode)) => ConnectionType::Vscode,
                Some(Some(SessionType::JetBrains)) => ConnectionType::Jetbrains,
                _ => usual,
            }
        };
        let mut served = pin!(served);
        let outcome = tokio::select! {
            outcome = &mut served => outcome,
            kind = told => {
                self.tell(kind);
                served.await
            }
        };
        self.finish(outcome)
    }

    /// The connection lasts until `served` is done, and ends for the reason of its error.
    pub(super) async fn until(self, served: impl Future<Output = Result<()>>) -> Result<()> {
        let outcome = served.await;
        self.finish(outcome)
    }

    fn finish(self, outcome: Result<()>) -> Result<()> {
        let reason = outcome.as_ref().err().map(ToString::to_string);
        self.end(None, reason.unwrap_or_default());
        outcome
    }

    fn tell(&mut self, kind: ConnectionType) {
        self.told = Some(kind);
        self.report(kind, ConnectionAction::Connect, self.since);
    }

    fn report(&self, kind: ConnectionType, action: ConnectionAction, timestamp: Timestamp) {
        self.shared
            .reports
            .push(Report::Connection(ReportConnection {
                id: self.id,
                action,
                kind,
                timestamp,
                // Connections come through the server, which sees from where.
                ip: None,
                exit_code: self.exit_code,
                reason: self.reason.clone(),
            }));
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(open) = self.shared.open().get_mut(&self.counted) {
            *open -= 1;
        }
        let kind = self.told.unwrap_or_else(|| {
            self.tell(self.counted);
            self.counted
        });
        let now = self.shared.clock.now();
        self.report(kind, ConnectionAction::Disconnect, now);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connections")
            .field("open", &*self.shared.open())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::clock::{ManualClock, OsEntropy};

    #[tokio::test]
    async fn connections_are_counted_and_told() {
        let clock = ManualClock::new(Timestamp::default());
        let connections = Connections::new(Arc::new(clock), Arc::new(OsEntropy));
        let (one, two) = (
            connections.begin(ConnectionType::Ssh),
            connections.begin(ConnectionType::Ssh),
        );
        let (first, second) = (one.id, two.id);
        assert_eq!(connections.count(ConnectionType::Ssh), 2);
        assert_eq!(connections.count(ConnectionType::Vscode), 0);
        one.end(Some(3), "logout");
        drop(two);
        assert_eq!(connections.count(ConnectionType::Ssh), 0);
        let mut told = Vec::new();
        for _ in 0..4 {
            let report = connections.reports().first().await;
            connections.reports().pop(&report);
            let Report::Connection(report) = report else {
                panic!("{report:?}");
            };
            told.push((report.id, report.action, report.exit_code, report.reason));
        }
        let (connect, gone) = (ConnectionAction::Connect, ConnectionAction::Disconnect);
        assert_eq!(
            told,
            [
                (first, connect, None, String::new()),
                (second, connect, None, String::new()),
                (first, gone, Some(3), "logout".to_owned()),
                (second, gone, None, String::new()),
            ]
        );
    }

    #[tokio::test]
    async fn an_agent_that_is_offline_keeps_the_last_ones() {
        let clock = ManualClock::new(Timestamp::default());
        let connections = Connections::new(Arc::new(clock), Arc::new(OsEntropy));
        let last = (0..3_000).fold(None, |_, _| Some(connections.begin(ConnectionType::Ssh).id));
        let mut kept = 0;
        let mut newest = None;
        while !connections.reports().is_empty() {
            let report = connections.reports().first().await;
            connections.reports().pop(&report);
            if let Report::Connection(report) = report {
                newest = Some(report.id);
            }
            kept += 1;
        }
        assert_eq!((kept, newest), (MAX_REPORTS, last));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_told_as_what_it_turns_out_to_be() {
        let clock = ManualClock::new(Timestamp::default());
        let connections = Connections::new(Arc::new(clock), Arc::new(OsEntropy));
        let told = async || {
            let report = connections.reports().first().await;
            connections.reports().pop(&report);
            let Report::Connection(report) = report else {
                panic!("{report:?}");
            };
            (report.action, report.kind)
        };
        let (connect, gone) = (ConnectionAction::Connect, ConnectionAction::Disconnect);
        // What it says, what nobody says for too long, and what ends before.
        for (says, lasts, kind) in [
            (Some(SessionType::VsCode), true, ConnectionType::Vscode),
            (
                Some(SessionType::JetBrains),
                true,
                ConnectionType::Jetbrains,
            ),
            (Some(SessionType::Ssh), true, ConnectionType::Ssh),
            (None, true, ConnectionType::Ssh),
            (None, false, ConnectionType::Ssh),
        ] {
            let (known, client) = watch::channel(says);
            let open = connections.begin_untold(ConnectionType::Ssh);
            assert_eq!(connections.count(ConnectionType::Ssh), 1);
            let served = async {
                if lasts {
                    tokio::time::sleep(2 * KNOWN_WITHIN).await;
                }
                Ok(())
            };
            open.until_known(served, client).await.unwrap();
            drop(known);
            assert_eq!(
                (told().await, told().await),
                ((connect, kind), (gone, kind))
            );
        }
        assert_eq!(connections.count(ConnectionType::Ssh), 0);
    }
}

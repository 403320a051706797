//! Connects, and connects again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::backoff;
use super::connection::Connection;
use super::connector::{ConnectError, Connector};
use crate::{Error, ErrorKind, Result};

/// How long a call waits for a connection before it fails as unavailable.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);
/// A connection that lasted this long was a good one: the next attempt comes soon.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);

/// [`ProvisionerDaemonApi`](crate::ProvisionerDaemonApi) over connections to a server: when one is
/// lost, the next is opened after a pause of 50 ms to 10 s, and calls fail as
/// [`Unavailable`](ErrorKind::Unavailable) meanwhile. When the server refuses the daemon, it gives
/// up: calls fail as [`InvalidRequest`](ErrorKind::InvalidRequest).
///
/// Must be made within a Tokio runtime. Dropping it ends the connection.
#[derive(Debug)]
pub struct DaemonClient {
    state: watch::Receiver<State>,
    keeper: JoinHandle<()>,
}

#[derive(Debug, Clone)]
enum State {
    Connecting,
    Connected(Arc<Connection>),
    Refused(Arc<str>),
}

impl DaemonClient {
    /// Begins to connect.
    #[must_use]
    pub fn start(connector: impl Connector) -> Self {
        let (sender, state) = watch::channel(State::Connecting);
        let keeper = tokio::spawn(async move { keep(&connector, &sender).await });
        Self { state, keeper }
    }

    /// Waits until the server has refused the daemon, and answers why.
    pub async fn refused(&self) -> String {
        let mut state = self.state.clone();
        loop {
            if let State::Refused(reason) = &*state.borrow_and_update() {
                return reason.to_string();
            }
            if state.changed().await.is_err() {
                return "the connection is not kept any more".to_owned();
            }
        }
    }

    /// Says goodbye to the server, so that it does not wait for the daemon.
    pub async fn close(&self) {
        let state = self.state.borrow().clone();
        self.keeper.abort();
        if let State::Connected(connection) = state {
            let _ = timeout(CONNECTION_WAIT, connection.close()).await;
        }
    }

    pub(super) fn caller(&self) -> Caller {
        Caller(self.state.clone())
    }
}

impl Drop for DaemonClient {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Makes calls over whatever connection there is.
#[derive(Debug, Clone)]
pub(super) struct Caller(watch::Receiver<State>);

impl Caller {
    /// The connection, when there is one in time.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>> {
        let mut state = self.0.clone();
        let wait = async {
            loop {
                match &*state.borrow_and_update() {
                    State::Connected(connection) => return Ok(Arc::clone(connection)),
                    State::Refused(reason) => {
                        return Err(Error::new(ErrorKind::InvalidRequest, &**reason));
                    }
                    State::Connecting => {}
                }
                if state.changed().await.is_err() {
                    return Err(unavailable());
                }
            }
        };
        timeout(CONNECTION_WAIT, wait)
            .await
            .unwrap_or_else(|_| Err(unavailable()))
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "not connected to the server")
}

async fn keep(connector: &impl Connector, state: &watch::Sender<State>) {
    let mut failures = 0;
    loop {
        match connector.connect().await {
            Ok(frames) => {
                let (connection, inbox, sending) = Connection::open(frames);
                tracing::info!("connected to the server");
                let began = Instant::now();
                state.send_replace(State::Connected(Arc::clone(&connection)));
                let ended = connection.run(inbox).await;
                drop(sending);
                if ended.refused {
                    state.send_replace(State::Refused(ended.reason.into()));
                    return;
                }
                state.send_replace(State::Connecting);
                tracing::warn!(reason = ended.reason, "the connection to the server ended");
                if began.elapsed() >= GOOD_CONNECTION {
                    failures = 0;
                }
            }
            Err(ConnectError::Refused(reason)) => {
                state.send_replace(State::Refused(reason.into()));
                return;
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "no connection to the server");
            }
        }
        sleep(backoff::pause(failures)).await;
        failures = failures.saturating_add(1);
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

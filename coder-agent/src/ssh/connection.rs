use std::io;
use std::sync::Arc;

use russh::server::{Handle, RunningSession, run_stream};
use russh::{Disconnect, Error as SshError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::handler::{Handler, HandlerError};
use super::input::InputBudget;
use super::limits::{DISCONNECT_GRACE, INPUT_STALL, LOGIN_GRACE, MIN_KEEPALIVE_TIMEOUT};
use super::registry::Registry;
use super::server::ServerState;
use super::statistics::Known;
use super::transport::{Transport, Unsent};
use crate::{Error, ErrorKind, Result};

/// Why a connection is to be ended from our side.
enum End {
    Shutdown,
    NoLogin,
    Deadline,
}

/// Serves one connection until it ends.
pub(super) async fn serve<S>(
    server: Arc<ServerState>,
    stream: S,
    shutdown: CancellationToken,
    known: Known,
) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let started = Instant::now();
    let token = server.closing.child_token();
    // Whatever ends this function, also its being dropped, ends the library's task and all
    // channels.
    let _end = token.clone().drop_guard();
    let logged_in = CancellationToken::new();
    let (unsent, budget) = (Unsent::default(), InputBudget::new());
    let traffic = server.connections.traffic.clone();
    let registry = Registry::new(token.clone(), unsent.clone(), traffic);
    let counted = Arc::new(server.connections.add(known));
    let stream = Transport::new(stream, token.clone(), unsent, Some(budget.clone()));
    let handler = Handler::new(
        Arc::clone(&server),
        registry.clone(),
        budget.clone(),
        counted,
        logged_in.clone(),
    );

    let connecting = run_stream(Arc::clone(&server.config), stream, handler);
    let mut session = tokio::select! {
        session = connecting => match session {
            Ok(session) => session,
            Err(error) => return outcome(Err(error)),
        },
        () = sleep_until(started + LOGIN_GRACE) => return Err(no_login()),
        () = shutdown.cancelled() => return Ok(()),
        () = server.closing.cancelled() => return Ok(()),
    };

    let end = async {
        let no_login = async {
            sleep_until(started + LOGIN_GRACE).await;
            if logged_in.is_cancelled() {
                std::future::pending::<()>().await;
            }
        };
        let deadline = async {
            if server.max_timeout >= MIN_KEEPALIVE_TIMEOUT {
                std::future::pending::<()>().await;
            }
            sleep_until(started + server.max_timeout).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => End::Shutdown,
            () = no_login => End::NoLogin,
            () = deadline => End::Deadline,
            () = watch_input(&budget, &registry) => End::Shutdown,
        }
    };
    tokio::select! {
        ended = &mut session => outcome(ended),
        end = end => {
            disconnect(&mut session, &token, &end).await;
            match end {
                End::NoLogin => Err(no_login()),
                End::Shutdown | End::Deadline => Ok(()),
            }
        }
    }
}

/// Keeps a connection going that waits for somebody to read; see [`INPUT_STALL`]. Never returns.
async fn watch_input(budget: &InputBudget, registry: &Registry) {
    loop {
        budget.exhausted().await;
        while let Some(before) = budget.released_while_exhausted() {
            sleep(INPUT_STALL).await;
            let stands_still = budget.released_while_exhausted() == Some(before);
            if stands_still
                && !budget.extend()
                && let Some((channel, bytes)) = registry.close_stalled()
            {
                tracing::warn!(channel, bytes, "closed an SSH channel that reads nothing");
            }
        }
    }
}

/// Tells the client why it has to go, and shows it the door if it does not leave at once.
async fn disconnect(session: &mut RunningSession<Handler>, token: &CancellationToken, end: &End) {
    let (reason, text) = match end {
        End::Shutdown => (
            Disconnect::ByApplication,
            "the workspace agent is shutting down",
        ),
        End::NoLogin => (Disconnect::ByApplication, "no login in time"),
        End::Deadline => (
            Disconnect::ByApplication,
            "the connection has lasted long enough",
        ),
    };
    let handle: Handle = session.handle();
    let leave = async {
        // A failure means that the connection is over already.
        drop(
            handle
                .disconnect(reason, text.to_owned(), String::new())
                .await,
        );
        drop((&mut *session).await);
    };
    if timeout(DISCONNECT_GRACE, leave).await.is_err() {
        token.cancel();
    }
}

/// What the end of a session means to the caller.
fn outcome(ended: Result<(), HandlerError>) -> Result<()> {
    match ended {
        Ok(()) => Ok(()),
        Err(HandlerError(error)) if is_hangup(&error) => Ok(()),
        Err(HandlerError(error)) => {
            let kind = match error {
                SshError::KeepaliveTimeout | SshError::InactivityTimeout => ErrorKind::TimedOut,
                _ => ErrorKind::Protocol,
            };
            Err(Error::new(kind, "the SSH connection failed").with_source(error))
        }
    }
}

/// Whether the peer has just gone, however rudely.
fn is_hangup(error: &SshError) -> bool {
    match error {
        SshError::Disconnect | SshError::HUP => true,
        SshError::IO(error) => matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
        ),
        _ => false,
    }
}

fn no_login() -> Error {
    Error::new(ErrorKind::TimedOut, "the SSH client did not log in in time")
}

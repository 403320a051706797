use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::environment::{TERM, ensure_utf8};
use super::screen::Screen;
use super::terminal::{Place, Terminal};
use super::viewer::{Viewer, size_of};
use super::{Backend, ReconnectingPtyInit};
use crate::platform::terminal;
use crate::ssh::command::command;
use crate::ssh::{Program, SshServer, TerminalRequest, TerminalSize};
use crate::{Error, ErrorKind, Result};

/// How long a client may take to say what it wants.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a refused client may take to read why.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a terminal lives without anybody who watches.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Terminals at once. Each keeps 64 KiB of output and a shell.
const MAX_TERMINALS: usize = 100;

/// The terminals of one agent; cheap to clone.
///
/// They run the same programs in the same environment as sessions of the [`SshServer`], and are
/// kept apart from connections: see the [module](super).
#[derive(Clone)]
pub struct ReconnectingPtyServer(Arc<Inner>);

struct Inner {
    ssh: SshServer,
    terminals: Mutex<BTreeMap<Uuid, Arc<Terminal>>>,
    idle_timeout: Duration,
    /// How many clients watch now.
    viewers: AtomicI64,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl ReconnectingPtyServer {
    /// A server without terminals yet. Programs are started as `ssh` would start them.
    #[must_use]
    pub fn new(ssh: SshServer) -> Self {
        Self::with_idle_timeout(ssh, IDLE_TIMEOUT)
    }

    /// The same with another time that a terminal lives without anybody who watches.
    #[must_use]
    pub fn with_idle_timeout(ssh: SshServer, idle_timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            ssh,
            terminals: Mutex::default(),
            idle_timeout,
            viewers: AtomicI64::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Serves one client until it leaves, the terminal ends, or `shutdown`. The terminal goes on
    /// when the client leaves.
    ///
    /// A terminal that cannot be had is told to the client as text, since that is what it shows.
    ///
    /// # Errors
    /// When the client does not attach in time, or breaks the protocol.
    pub async fn serve<S>(&self, mut stream: S, shutdown: CancellationToken) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let serve = async {
            let init = timeout(ATTACH_TIMEOUT, ReconnectingPtyInit::read(&mut stream));
            let init = init.await.map_err(|_| {
                let message = "client did not say which terminal it wants";
                Error::new(ErrorKind::TimedOut, message)
            })??;
            let size = size_of(init.height, init.width);
            match self.attach(&init, size) {
                Ok(place) => {
                    Viewer::new(place, size, &self.0.viewers)
                        .serve(stream)
                        .await
                }
                Err(error) => {
                    tracing::warn!(%error, "a terminal could not be opened");
                    refuse(&mut stream, &error).await;
                    Ok(())
                }
            }
        };
        tokio::select! {
            served = serve => served,
            () = shutdown.cancelled() => Ok(()),
        }
    }

    /// How many clients watch now.
    #[must_use]
    pub fn session_count(&self) -> i64 {
        self.0.viewers.load(Ordering::Relaxed)
    }

    /// How many terminals live, watched or not.
    #[must_use]
    pub fn terminal_count(&self) -> usize {
        self.0.lock().len()
    }

    /// Ends all terminals and waits for that.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// A place at the terminal of this id, which is started if there is none.
    fn attach(&self, init: &ReconnectingPtyInit, size: TerminalSize) -> Result<Place> {
        let mut terminals = self.0.lock();
        if let Some(place) = terminals.get(&init.id).and_then(|found| found.attach(size)) {
            return Ok(place);
        }
        if self.0.closing.is_cancelled() {
            return Err(Error::new(ErrorKind::Closed, "the workspace is stopping"));
        }
        if terminals.len() >= MAX_TERMINALS {
            let message = "too many terminals are open in this workspace, close some first";
            return Err(Error::new(ErrorKind::Busy, message));
        }
        let place = self.start(init, size)?;
        terminals.insert(init.id, Arc::clone(place.terminal()));
        Ok(place)
    }

    fn start(&self, init: &ReconnectingPtyInit, size: TerminalSize) -> Result<Place> {
        if !init.container.is_empty() {
            let message = "terminals in containers are not offered by this version of the agent";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let ssh = &self.0.ssh;
        let (mut environment, directory) = ssh.session_place();
        ensure_utf8(&mut environment);
        let screen = match init.backend_type {
            Backend::Screen => Screen::find(init.id, &environment),
            Backend::Any | Backend::Buffered => None,
        };
        let program = if init.command.is_empty() {
            Program::LoginShell
        } else {
            Program::Command(init.command.clone().into())
        };
        let build = |variables: Vec<(&str, OsString)>| -> Command {
            let variables = variables.into_iter();
            environment.extend(variables.map(|(name, value)| (name.into(), value)));
            let inner = command(&program, ssh.user(), &directory, &environment);
            match &screen {
                Some(screen) => screen.around(&inner, &directory, &environment),
                None => inner,
            }
        };
        let modes = [(russh::Pty::IUTF8, 1)];
        let request = TerminalRequest::new(TERM, size, &modes);
        let pty = terminal::open(&request, build).map_err(|error| {
            let message = format!("the program could not be started: {error}");
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        })?;
        let (terminal, child, reader) = Terminal::new(pty, size);
        let terminal = Arc::new(terminal);
        // Before the program is heard, so that nothing it says is a replay.
        let place = terminal
            .attach(size)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the terminal ended before it began"))?;
        let (server, id) = (self.clone(), init.id);
        self.0.tasks.spawn(async move {
            let (idle, closing) = (server.0.idle_timeout, &server.0.closing);
            let by_itself = terminal.run(child, reader, idle, closing).await;
            server.0.remove(id, &terminal);
            // A program that has ended took its session along, or somebody else has it now.
            if let Some(screen) = screen.filter(|_| !by_itself) {
                screen.quit().await;
            }
        });
        Ok(place)
    }
}

impl Inner {
    /// Forgets a terminal, unless another one has its place already.
    fn remove(&self, id: Uuid, terminal: &Arc<Terminal>) {
        let mut terminals = self.lock();
        if terminals
            .get(&id)
            .is_some_and(|found| Arc::ptr_eq(found, terminal))
        {
            terminals.remove(&id);
        }
    }

    /// A panic while the lock was held leaves a whole map behind.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Arc<Terminal>>> {
        self.terminals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the client why there is no terminal.
async fn refuse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), error: &Error) {
    let tell = async {
        stream
            .write_all(format!("coder: {error}\r\n").as_bytes())
            .await?;
        stream.shutdown().await
    };
    // It may have gone already.
    let _ = timeout(REFUSAL_TIMEOUT, tell).await;
}

impl fmt::Debug for ReconnectingPtyServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingPtyServer")
            .field("terminals", &self.terminal_count())
            .field("viewers", &self.session_count())
            .finish_non_exhaustive()
    }
}

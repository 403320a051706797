use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::statistics::{Connections, Known};
use super::{
    Blocked, Environment, HostKey, SshOptions, SshStatistics, User, WorkspaceSettings, algorithms,
    connection, session,
};
use crate::Result;
use crate::traffic::Moved;

/// The SSH server of one agent; cheap to clone.
#[derive(Clone)]
pub struct SshServer {
    state: Arc<ServerState>,
}

/// What all connections share.
pub(super) struct ServerState {
    pub(super) config: Arc<russh::server::Config>,
    pub(super) host_key: HostKey,
    pub(super) user: User,
    pub(super) process_environment: Environment,
    pub(super) max_timeout: std::time::Duration,
    pub(super) blocked: Blocked,
    pub(super) connections: Connections,
    /// Cancelled when the agent closes; processes end then.
    pub(super) closing: CancellationToken,
    /// Every task of every channel.
    pub(super) tasks: TaskTracker,
    settings: RwLock<Arc<WorkspaceSettings>>,
}

impl SshServer {
    /// A server that knows nothing of its workspace until [`update`](Self::update) is called.
    #[must_use]
    pub fn new(options: SshOptions) -> Self {
        let SshOptions {
            host_key,
            user,
            process_environment,
            max_timeout,
            blocked,
        } = options;
        Self {
            state: Arc::new(ServerState {
                config: Arc::new(algorithms::server_config(&host_key, max_timeout)),
                host_key,
                user,
                process_environment,
                max_timeout,
                blocked,
                connections: Connections::default(),
                closing: CancellationToken::new(),
                tasks: TaskTracker::new(),
                settings: RwLock::default(),
            }),
        }
    }

    /// Takes what the server has told about the workspace.
    pub fn update(&self, settings: WorkspaceSettings) {
        *self
            .state
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The key that clients see.
    #[must_use]
    pub fn host_key(&self) -> &HostKey {
        &self.state.host_key
    }

    /// Serves one client until it leaves, breaks the protocol or is silent for too long, or until
    /// `shutdown`. Dropping the future breaks the connection off.
    ///
    /// Programs without a terminal go on when their client has left. They end by themselves or
    /// with [`close`](Self::close).
    ///
    /// # Errors
    /// `TimedOut` for a client that does not log in, `Protocol` for one that breaks the protocol.
    /// That the stream ends at an unexpected moment is not an error: clients are killed.
    pub async fn serve<S>(&self, stream: S, shutdown: CancellationToken) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_telling(stream, shutdown, Known::new(None)).await
    }

    /// The same; `known` hears what the client is when its first session begins.
    pub(crate) async fn serve_telling<S>(
        &self,
        stream: S,
        shutdown: CancellationToken,
        known: Known,
    ) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        connection::serve(Arc::clone(&self.state), stream, shutdown, known).await
    }

    /// How much the server is used.
    #[must_use]
    pub fn statistics(&self) -> SshStatistics {
        self.state.connections.statistics()
    }

    /// What sessions and forwarded streams have moved since the start.
    pub(crate) fn moved(&self) -> Moved {
        self.state.connections.traffic.totals()
    }

    /// The environment of a session that begins now by another way than SSH, and its directory.
    pub(crate) fn session_place(&self) -> (Environment, PathBuf) {
        session::place(&self.state, &Environment::new())
    }

    /// Who sessions run as.
    pub(crate) fn user(&self) -> &User {
        &self.state.user
    }

    /// Tasks of channels and of processes whose session has gone.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.state.tasks.len()
    }

    /// Ends all connections and every process started for them, and waits for that.
    pub async fn close(&self) {
        self.state.closing.cancel();
        self.state.tasks.close();
        self.state.tasks.wait().await;
    }
}

impl ServerState {
    pub(super) fn settings(&self) -> Arc<WorkspaceSettings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where something for a short time may be put; the first that works is taken.
    pub(super) fn temporary_folders(&self) -> Vec<PathBuf> {
        let variable = self.process_environment.get(OsStr::new("TMPDIR"));
        let folder = variable
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        folder
            .into_iter()
            .chain(["/tmp".into(), self.user.home.clone()])
            .collect()
    }
}

impl fmt::Debug for SshServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SshServer")
            .field("host_key", &self.state.host_key)
            .field("user", &self.state.user)
            .field("tasks", &self.state.tasks.len())
            .finish_non_exhaustive()
    }
}

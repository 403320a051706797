use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::AgentOptions;
use super::connection::{Action, ConnectionState, Event};
use super::workspace::Workspace;
use crate::backoff::jitter;
use crate::tunnel::{BoxedIo, StreamDialer, TunnelAcceptor};
use crate::{AgentApi, AgentClient, Error, ErrorKind, Result};

/// The longest time from a further connection until the manifest is asked for anew.
const REFRESH_WITHIN: Duration = Duration::from_secs(30);

/// Opens the agent's tunnel to the server.
#[async_trait]
pub trait TunnelDialer: Send + Sync {
    /// A fresh connection that has been upgraded already.
    async fn dial(&self) -> Result<BoxedIo>;

    /// A connection for a stream that moves much, see [`StreamDialer`]. Without it such streams stay in the
    /// tunnel.
    async fn dial_stream(&self, _ticket: Uuid) -> Result<BoxedIo> {
        let message = "this agent opens no further connections";
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}

/// Dials both kinds of connections.
struct Streams(Arc<dyn TunnelDialer>);

#[async_trait]
impl StreamDialer for Streams {
    async fn dial_stream(&self, ticket: Uuid) -> Result<BoxedIo> {
        self.0.dial_stream(ticket).await
    }
}

#[async_trait]
impl TunnelDialer for AgentClient {
    async fn dial(&self) -> Result<BoxedIo> {
        Ok(Box::new(self.tunnel().await?))
    }

    async fn dial_stream(&self, ticket: Uuid) -> Result<BoxedIo> {
        self.stream(ticket).await
    }
}

/// A workspace agent. See the [module](super) for what it does.
pub struct Agent {
    api: Arc<dyn AgentApi>,
    dialer: Arc<dyn TunnelDialer>,
    options: AgentOptions,
}

/// What outlives connections.
struct Core {
    agent: Agent,
    /// From the first manifest on.
    workspace: Mutex<Option<Arc<Workspace>>>,
    /// Whether the manifest was asked for just now.
    fresh: AtomicBool,
}

impl Agent {
    /// An agent that calls the server by `api` and opens its tunnel by `dialer`;
    /// [`AgentClient`] is both.
    pub fn new(
        options: AgentOptions,
        api: Arc<dyn AgentApi>,
        dialer: Arc<dyn TunnelDialer>,
    ) -> Self {
        Self {
            api,
            dialer,
            options,
        }
    }

    /// Works until `shutdown`, then ends sessions, runs the stop scripts and returns. Failures of
    /// the server or of the way to it are waited out.
    ///
    /// Must run on a multi-threaded or current-thread Tokio runtime with time and I/O enabled.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) when a task of the agent itself died.
    pub async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let core = Arc::new(Core {
            agent: self,
            workspace: Mutex::new(None),
            fresh: AtomicBool::new(false),
        });
        let disconnect = CancellationToken::new();
        let connection = Arc::clone(&core).stay_connected(disconnect.clone());
        let mut connection = tokio::spawn(connection);
        let mut died = tokio::select! {
            ended = &mut connection => Some(ended),
            () = shutdown.cancelled() => None,
        };
        tracing::info!("agent is shutting down");
        if core.workspace().is_none() && died.is_none() {
            // No connection may begin a workspace that nobody would end.
            disconnect.cancel();
            died = Some((&mut connection).await);
        }
        if let Some(workspace) = core.workspace() {
            // Still connected, so that the server sees the agent alive while stop scripts run.
            workspace.shut_down().await;
        }
        disconnect.cancel();
        let ended = match died {
            Some(ended) => ended,
            None => connection.await,
        };
        ended.map_err(|error| {
            Error::new(ErrorKind::Internal, "connection task died").with_source(error)
        })
    }
}

impl Core {
    async fn stay_connected(self: Arc<Self>, stop: CancellationToken) {
        let mut state = ConnectionState::default();
        let mut action = Action::Connect;
        let mut tunnel = None;
        loop {
            let step = self.step(action, &mut tunnel);
            let event = tokio::select! {
                event = step => event,
                () = stop.cancelled() => Event::Shutdown,
            };
            action = state.on(event, jitter(&*self.agent.options.entropy));
            if action == Action::Stop {
                break;
            }
        }
        if let Some(tunnel) = tunnel {
            TunnelAcceptor::close(tunnel).await;
        }
    }

    async fn step(&self, action: Action, tunnel: &mut Option<TunnelAcceptor>) -> Event {
        match action {
            Action::Connect => match self.connect().await {
                Ok(connected) => {
                    tracing::info!("connected");
                    *tunnel = Some(connected);
                    Event::Opened
                }
                Err(error) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, source, "cannot connect");
                    match error.retry_after() {
                        Some(after) if error.is_temporary() => Event::TurnedAway { after },
                        _ => Event::Failed(error.kind()),
                    }
                }
            },
            Action::Serve => {
                let begin = Instant::now();
                if let (Some(open), Some(workspace)) = (tunnel.as_mut(), self.workspace()) {
                    let error = tokio::select! {
                        error = workspace.services().serve(open) => error,
                        () = self.refresh() => Error::new(ErrorKind::Internal, "not reached"),
                    };
                    tracing::warn!(%error, "connection lost");
                }
                *tunnel = None;
                Event::Ended {
                    lasted: begin.elapsed(),
                }
            }
            Action::Wait(wait) => {
                sleep(wait).await;
                Event::Waited
            }
            Action::Stop => Event::Shutdown,
        }
    }

    async fn connect(&self) -> Result<TunnelAcceptor> {
        if self.workspace().is_none() {
            self.begin().await?;
        }
        let dialer = &self.agent.dialer;
        let streams = Arc::new(Streams(Arc::clone(dialer)));
        Ok(TunnelAcceptor::new(dialer.dial().await?).with_dialer(streams))
    }

    /// What comes before the first connection.
    async fn begin(&self) -> Result<()> {
        let Agent { api, options, .. } = &self.agent;
        let manifest = api.manifest().await?;
        let workspace = Workspace::new(Arc::clone(api), options.clone(), manifest).await;
        api.report_startup(workspace.startup()).await?;
        *self.lock() = Some(Arc::clone(&workspace));
        self.fresh.store(true, Ordering::Relaxed);
        workspace.begin();
        Ok(())
    }

    /// Hears what has changed and says what runs, once after each further connection, some time later: a
    /// server that has just started has enough to do with thousands of agents' connections.
    async fn refresh(&self) {
        let spread = jitter(&*self.agent.options.entropy);
        let fresh = self.fresh.swap(false, Ordering::Relaxed);
        sleep(REFRESH_WITHIN.mul_f64(spread)).await;
        if let Some(workspace) = self.workspace().filter(|_| !fresh)
            && let Err(error) = self.refresh_now(&workspace).await
        {
            tracing::debug!(%error, "the manifest stays as it is");
        }
        std::future::pending().await
    }

    async fn refresh_now(&self, workspace: &Arc<Workspace>) -> Result<()> {
        let api = &self.agent.api;
        workspace.update(api.manifest().await?);
        api.report_startup(workspace.startup()).await
    }

    fn workspace(&self) -> Option<Arc<Workspace>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Workspace>>> {
        self.workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Agent")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::AgentOptions;
use super::connection::{Action, ConnectionState, Event};
use super::workspace::Workspace;
use crate::backoff::jitter;
use crate::tunnel::{BoxedIo, TunnelAcceptor};
use crate::{AgentApi, AgentClient, Error, ErrorKind, Result};

/// Opens the agent's tunnel to the server.
#[async_trait]
pub trait TunnelDialer: Send + Sync {
    /// A fresh connection that has been upgraded already.
    async fn dial(&self) -> Result<BoxedIo>;
}

#[async_trait]
impl TunnelDialer for AgentClient {
    async fn dial(&self) -> Result<BoxedIo> {
        Ok(Box::new(self.tunnel().await?))
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
                    Event::Failed(error.kind())
                }
            },
            Action::Serve => {
                let begin = Instant::now();
                if let (Some(open), Some(workspace)) = (tunnel.as_mut(), self.workspace()) {
                    let error = workspace.services().serve(open).await;
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
        let manifest = self.agent.api.manifest().await?;
        let known = self.workspace();
        let workspace = match &known {
            Some(workspace) => {
                workspace.update(manifest);
                Arc::clone(workspace)
            }
            None => {
                let Agent { api, options, .. } = &self.agent;
                Workspace::new(Arc::clone(api), options.clone(), manifest).await
            }
        };
        self.agent.api.report_startup(workspace.startup()).await?;
        if known.is_none() {
            *self.lock() = Some(Arc::clone(&workspace));
            workspace.begin();
        }
        Ok(TunnelAcceptor::new(self.agent.dialer.dial().await?))
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

//! Streams to an agent, and that who holds one open still may.

use crate::{
    app_state::AppState,
    http::{ApiError, extract::Auth},
};
use coder_agent::{
    ErrorKind as AgentErrorKind,
    tunnel::{TunnelStream, frame::OpenStatus},
};
use coder_core::{
    Error, ErrorKind,
    event::Topic,
    id::WorkspaceAgentId,
    rbac::Action,
    service::{
        agents::Agents,
        sessions::{self, Session},
    },
    store::AgentOwner,
};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How often permissions are asked for again without an event.
const RECHECK: Duration = Duration::from_secs(15);

/// The right of a session to reach an agent, which may end at any time.
pub(super) struct Access {
    state: AppState,
    session: Arc<Session>,
    agents: Agents,
    owner: AgentOwner,
    actions: &'static [Action],
}

impl Access {
    /// Asks for one of `actions` on an agent of a newest build.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when none of them is permitted too.
    pub(super) async fn ask(
        state: &AppState,
        auth: &Auth,
        agent: WorkspaceAgentId,
        actions: &'static [Action],
    ) -> Result<Self, Error> {
        let agents = Agents::new(state.deps.clone());
        let owner = agents.reachable(auth.subject(), agent, actions).await?;
        Ok(Self {
            state: state.clone(),
            session: Arc::clone(&auth.0),
            agents,
            owner,
            actions,
        })
    }

    /// Opens a stream to a port of the agent.
    ///
    /// # Errors
    /// Why there is none, as a proxy says it.
    pub(super) async fn open(&self, port: u16) -> Result<TunnelStream, ApiError> {
        self.comes_back().await;
        let opened = self.state.tunnels.open(self.owner.agent.id, port).await;
        opened.map_err(agent_failed)
    }

    /// Opens a stream of datagrams to a UDP port of the workspace.
    ///
    /// # Errors
    /// Why there is none, as a proxy says it.
    pub(super) async fn open_udp(&self, port: u16) -> Result<TunnelStream, ApiError> {
        self.comes_back().await;
        let opened = self.state.tunnels.open_udp(self.owner.agent.id, port).await;
        opened.map_err(agent_failed)
    }

    async fn comes_back(&self) {
        let now = self.state.deps.now();
        self.state.tunnels.comes_back(&self.owner.agent, now).await;
    }

    /// Works until that is done, the right has ended or the server stops.
    pub(super) async fn while_allowed(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            () = self.lost() => {}
            () = self.state.shutdown.cancelled() => {}
        }
    }

    /// Waits until the right has ended: by the session, the account, the role, or a newer build.
    pub(super) async fn lost(&self) {
        let pubsub = &self.state.deps.pubsub;
        let mut events = Vec::new();
        for topic in [
            Topic::User(self.session.user.id),
            Topic::Workspace(self.owner.workspace.id),
        ] {
            // Without events the clock does.
            events.extend(pubsub.subscribe(topic).await.ok());
        }
        let mut events = stream::select_all(events);
        let mut next = Instant::now() + RECHECK;
        loop {
            let event = async {
                if events.next().await.is_none() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = sleep_until(next) => {}
                () = event => {}
            }
            match self.check().await {
                Err(error) if error.kind() != ErrorKind::Unavailable => {
                    tracing::info!(agent = %self.owner.agent.id, "a stream to an agent was ended");
                    return;
                }
                // While the database is away, streams go on.
                Ok(()) | Err(_) => next = Instant::now() + RECHECK,
            }
        }
    }

    async fn check(&self) -> Result<(), Error> {
        let session = sessions::still_valid(&self.state.deps, &self.session).await?;
        let id = self.owner.agent.id;
        self.agents
            .reachable(&session.subject, id, self.actions)
            .await
            .map(drop)
    }
}

/// Why an agent could not be reached or did not answer well, as a proxy says it.
pub(super) fn agent_failed(error: coder_agent::Error) -> ApiError {
    let status = match error.kind() {
        AgentErrorKind::Unsupported | AgentErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        AgentErrorKind::Refused
        | AgentErrorKind::Protocol
        | AgentErrorKind::TooLarge
        | AgentErrorKind::NotFound => StatusCode::BAD_GATEWAY,
        AgentErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        AgentErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    ApiError::new(status, "The agent could not be reached.").with_detail(error.message())
}

/// Why an agent's stream could not be opened, as an agent says it.
pub(super) fn status(error: &coder_agent::Error) -> OpenStatus {
    match error.kind() {
        AgentErrorKind::Unsupported | AgentErrorKind::InvalidInput => OpenStatus::Unsupported,
        AgentErrorKind::Refused | AgentErrorKind::Protocol => OpenStatus::Refused,
        AgentErrorKind::TimedOut => OpenStatus::TimedOut,
        AgentErrorKind::Busy => OpenStatus::Busy,
        _ => OpenStatus::Failed,
    }
}

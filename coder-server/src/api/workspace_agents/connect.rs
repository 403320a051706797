//! `GET /workspaceagents/{workspaceagent}/connect`.

use super::multiplexed;
use crate::{
    api::upgrade,
    app_state::AppState,
    http::{
        ApiError, ApiResult,
        extract::{Auth, Path, Query},
    },
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use coder_agent::{
    ErrorKind as AgentErrorKind,
    tunnel::{TunnelStream, frame::OpenStatus, port, splice, ws},
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
use tokio::{
    io::{AsyncBufRead, AsyncWrite},
    time::{Instant, sleep_until},
};

pub(super) const ROUTE: &str = "/api/v2/workspaceagents/{workspaceagent}/connect";
/// One of these is needed for a port of the workspace itself.
pub(super) const FORWARD: &[Action] = &[Action::ApplicationConnect, Action::Ssh];
/// How often permissions are asked for again without an event.
const RECHECK: Duration = Duration::from_secs(15);

/// Where to.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectQuery {
    /// A TCP port as the agent numbers them: 1 and 22 are SSH, 2 to 8 are kept for the agent, from 9 on they
    /// are the workspace's own. UDP ports begin at 9. Without one the WebSocket carries many streams.
    port: Option<u16>,
    /// What the port belongs to; `tcp` without it.
    #[serde(default)]
    network: Network,
}

/// What a port belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Network {
    /// A stream of bytes.
    #[default]
    Tcp,
    /// Datagrams, each behind its length in two bytes, big-endian.
    Udp,
}

/// A stream to a port of an agent
///
/// A WebSocket whose binary messages are the bytes of one TCP-like stream, cut anywhere, at most 1 MiB each;
/// an empty message ends its direction, a close frame ends both. With `network=udp` they are datagrams, each
/// its length in two bytes, big-endian, and so many bytes, from and to that port of the workspace. Ports 1, 2, 3, 4 and 22 need the permission
/// `ssh`; others `application_connect` or `ssh`. The stream ends within seconds when that is lost, when the
/// account is suspended, when the workspace has a newer build, or when the agent goes.
///
/// Without a port the messages carry yamux instead, in which the client opens streams with the header of the
/// agent's tunnel and pings as a server does; each may go to another port.
///
/// 502 when nothing listens on the port, 503 when the agent is not connected, 504 when it does not answer.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/connect", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:ssh or workspace:application_connect"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent"), ConnectQuery),
    responses((status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn connect_to_agent(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
    Query(query): Query<ConnectQuery>,
    request: Request,
) -> ApiResult<Response> {
    let Some(port) = query.port else {
        return multiplexed::connect(auth, state, agent, request).await;
    };
    let agents = Agents::new(state.deps.clone());
    let actions = match query.network {
        Network::Tcp => actions(port),
        Network::Udp => FORWARD,
    };
    let owner = agents.reachable(auth.subject(), agent, actions).await?;
    let handshake = upgrade::begin(request)?;
    let opened = match query.network {
        Network::Tcp => state.tunnels.open(agent, port).await,
        Network::Udp => state.tunnels.open_udp(agent, port).await,
    };
    let opened = opened.map_err(refused)?;
    let open = state.metrics.websocket(ROUTE);
    let stream = Splice::new(&state, &auth, owner, actions);
    let (response, connection) = handshake.accept();
    state.tasks.spawn(async move {
        if let Some(client) = connection.await {
            let client = client.with_keep_alive(ws::KEEP_ALIVE_INTERVAL);
            stream.run(client, opened).await;
        }
        drop(open);
    });
    Ok(response)
}

/// One of these is needed for a port.
pub(super) const fn actions(port: u16) -> &'static [Action] {
    if port < port::FIRST_WORKSPACE_PORT || port == port::STANDARD_SSH {
        &[Action::Ssh]
    } else {
        FORWARD
    }
}

/// A client's connection to an agent, and what it needs to go on.
pub(super) struct Splice {
    state: AppState,
    session: Arc<Session>,
    agents: Agents,
    owner: AgentOwner,
    actions: &'static [Action],
}

impl Splice {
    pub(super) fn new(
        state: &AppState,
        auth: &Auth,
        owner: AgentOwner,
        actions: &'static [Action],
    ) -> Self {
        Self {
            state: state.clone(),
            session: Arc::clone(&auth.0),
            agents: Agents::new(state.deps.clone()),
            owner,
            actions,
        }
    }

    /// Moves bytes until one side ends, or the permission.
    async fn run(&self, client: impl AsyncBufRead + AsyncWrite + Unpin, agent: TunnelStream) {
        let moving = async {
            if let Err(error) = splice(client, agent).await {
                tracing::debug!(%error, "a stream to an agent broke");
            }
        };
        self.while_allowed(moving).await;
    }

    /// Works until that is done, or the permission is lost.
    pub(super) async fn while_allowed(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            () = self.permission_lost() => {
                tracing::info!(agent = %self.owner.agent.id, "a stream to an agent was ended");
            }
            () = self.state.shutdown.cancelled() => {}
        }
    }

    async fn permission_lost(&self) {
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
                Err(error) if error.kind() != ErrorKind::Unavailable => return,
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

/// Why an agent's stream could not be opened, as a proxy says it.
pub(super) fn refused(error: coder_agent::Error) -> ApiError {
    let status = match status(&error) {
        OpenStatus::Unsupported => StatusCode::BAD_REQUEST,
        OpenStatus::Refused => StatusCode::BAD_GATEWAY,
        OpenStatus::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        OpenStatus::Busy => StatusCode::TOO_MANY_REQUESTS,
        OpenStatus::Ok | OpenStatus::Failed => StatusCode::SERVICE_UNAVAILABLE,
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

//! `GET /workspaceagents/{workspaceagent}/connect`.

use super::{access::Access, multiplexed};
use crate::{
    api::upgrade,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path, Query},
    },
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use coder_agent::tunnel::{port, splice, ws};
use coder_core::{id::WorkspaceAgentId, rbac::Action};

pub(super) const ROUTE: &str = "/api/v2/workspaceagents/{workspaceagent}/connect";
/// One of these is needed for a port of the workspace itself.
pub(super) const FORWARD: &[Action] = &[Action::ApplicationConnect, Action::Ssh];

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
    let actions = match query.network {
        Network::Tcp => actions(port),
        Network::Udp => FORWARD,
    };
    let access = Access::ask(&state, &auth, agent, actions).await?;
    let handshake = upgrade::begin(request)?;
    let opened = match query.network {
        Network::Tcp => access.open(port).await?,
        Network::Udp => access.open_udp(port).await?,
    };
    let open = state.metrics.websocket(ROUTE);
    let (response, connection) = handshake.accept();
    state.tasks.spawn(async move {
        if let Some(client) = connection.await {
            let client = client.with_keep_alive(ws::KEEP_ALIVE_INTERVAL);
            let moving = async {
                if let Err(error) = splice(client, opened).await {
                    tracing::debug!(%error, "a stream to an agent broke");
                }
            };
            access.while_allowed(moving).await;
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

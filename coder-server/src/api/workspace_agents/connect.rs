//! `GET /workspaceagents/{workspaceagent}/connect`.

use super::access::Access;
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
use coder_agent::tunnel::{TunnelStream, port, ws};
use coder_core::{id::WorkspaceAgentId, rbac::Action};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};

const ROUTE: &str = "/api/v2/workspaceagents/{workspaceagent}/connect";

/// Where to.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectQuery {
    /// A TCP port as the agent numbers them: 1 and 22 are SSH, 2 to 8 are kept for the agent, from 9 on they
    /// are the workspace's own.
    port: u16,
}

/// A stream to a port of an agent
///
/// A WebSocket whose binary messages are the bytes of one TCP-like stream, cut anywhere, at most 1 MiB each;
/// an empty message ends its direction, a close frame ends both. Ports 1, 2, 3, 4 and 22 need the permission
/// `ssh`; others `application_connect` or `ssh`. The stream ends within seconds when that is lost, when the
/// account is suspended, when the workspace has a newer build, or when the agent goes.
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
    let access = Access::ask(&state, &auth, agent, actions(query.port)).await?;
    let handshake = upgrade::begin(request)?;
    let opened = access.open(query.port).await?;
    let open = state.metrics.websocket(ROUTE);
    let (response, connection) = handshake.accept();
    let shutdown = state.shutdown.clone();
    state.tasks.spawn(async move {
        if let Some(client) = connection.await {
            let client = client.with_keep_alive(ws::KEEP_ALIVE_INTERVAL);
            tokio::select! {
                () = splice(client, opened) => {}
                () = access.lost() => {}
                () = shutdown.cancelled() => {}
            }
        }
        drop(open);
    });
    Ok(response)
}

/// Moves bytes until one side ends.
async fn splice(mut client: impl AsyncRead + AsyncWrite + Unpin, mut agent: TunnelStream) {
    if let Err(error) = copy_bidirectional(&mut client, &mut agent).await {
        tracing::debug!(%error, "a stream to an agent broke");
    }
}

/// One of these is needed for a port.
const fn actions(port: u16) -> &'static [Action] {
    if port < port::FIRST_WORKSPACE_PORT || port == port::STANDARD_SSH {
        &[Action::Ssh]
    } else {
        &[Action::ApplicationConnect, Action::Ssh]
    }
}

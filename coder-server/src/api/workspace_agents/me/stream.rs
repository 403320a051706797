//! `GET /workspaceagents/me/stream`.

use crate::{
    api::upgrade,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{AgentAuth, Query},
    },
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use coder_core::Error;
use uuid::Uuid;

const ROUTE: &str = "/api/v2/workspaceagents/me/stream";

/// Which stream.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// The ticket in the server's question over the tunnel.
    id: Uuid,
}

/// A connection of its own for a stream that moves much
///
/// The server asks for it over the agent's tunnel, with a ticket that is good once, for a minute, and for this
/// agent. A WebSocket whose binary messages are the bytes of the stream from where it left the tunnel; an empty
/// message ends its direction.
///
/// 404 when the server did not ask, or does not wait any more.
#[utoipa::path(
    get, path = "/workspaceagents/me/stream", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    params(StreamQuery),
    responses((status = SWITCHING_PROTOCOLS)),
)]
pub(super) async fn agent_stream(
    agent: AgentAuth,
    State(state): State<AppState>,
    Query(query): Query<StreamQuery>,
    request: Request,
) -> ApiResult<Response> {
    let handshake = upgrade::begin(request)?;
    let expected = state.tunnels.expects(agent.0.agent.id, query.id);
    let expected = expected.ok_or_else(Error::not_found)?;
    let open = state.metrics.websocket(ROUTE);
    let (response, connection) = handshake.switch();
    state.tasks.spawn(async move {
        if let Some(connection) = connection.await {
            expected.arrived(connection);
        }
        drop(open);
    });
    Ok(response)
}

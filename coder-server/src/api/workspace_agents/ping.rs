//! `GET /workspaceagents/{workspaceagent}/ping`.

use super::{access::agent_failed, connect::FORWARD};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::WorkspaceAgentId, service::agents::Agents};

/// What a ping took.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AgentPing {
    /// From the server to the agent and back, milliseconds.
    round_trip_ms: f64,
}

/// Ask an agent for a sign of life
///
/// 503 when the agent is not connected, 504 when it does not answer.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/ping", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:ssh or workspace:application_connect"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent")),
    responses((status = OK, body = AgentPing)),
)]
pub(crate) async fn ping_agent(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
) -> ApiResult<Json<AgentPing>> {
    let agents = Agents::new(state.deps.clone());
    agents.reachable(auth.subject(), agent, FORWARD).await?;
    let round_trip = state.tunnels.ping(agent).await.map_err(agent_failed)?;
    Ok(Json(AgentPing {
        round_trip_ms: round_trip.as_secs_f64() * 1_000.0,
    }))
}

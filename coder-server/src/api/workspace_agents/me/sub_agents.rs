//! `/workspaceagents/me/sub-agents`: the agents inside of dev containers.

use super::calls::calls;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{AgentAuth, Json, Path},
    },
};
use axum::extract::State;
use coder_agent::protocol::{CreateSubAgentRequest, CreateSubAgentResponse, ListSubAgentsResponse};
use coder_core::id::WorkspaceAgentId;
use http::StatusCode;

/// Make an agent inside of a dev container
///
/// With an id, gives the one that the template foresees another token.
#[utoipa::path(
    post, path = "/workspaceagents/me/sub-agents", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`CreateSubAgentRequest` of the agent protocol"),
    responses((status = CREATED, body = Object, description = "`CreateSubAgentResponse` of the agent protocol")),
)]
pub(super) async fn agent_create_sub_agent(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<CreateSubAgentRequest>,
) -> ApiResult<(StatusCode, Json<CreateSubAgentResponse>)> {
    let made = calls(&state, agent).create_sub_agent(body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// The agents inside of this one
#[utoipa::path(
    get, path = "/workspaceagents/me/sub-agents", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    responses((status = OK, body = Object, description = "`ListSubAgentsResponse` of the agent protocol")),
)]
pub(super) async fn agent_list_sub_agents(
    agent: AgentAuth,
    State(state): State<AppState>,
) -> ApiResult<Json<ListSubAgentsResponse>> {
    Ok(Json(calls(&state, agent).list_sub_agents().await?))
}

/// End an agent inside of this one
#[utoipa::path(
    delete, path = "/workspaceagents/me/sub-agents/{subagent}", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    params(("subagent" = uuid::Uuid, Path, description = "Id of the agent inside")),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_delete_sub_agent(
    agent: AgentAuth,
    State(state): State<AppState>,
    Path(id): Path<WorkspaceAgentId>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).delete_sub_agent(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

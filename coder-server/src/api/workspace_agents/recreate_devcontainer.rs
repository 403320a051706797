//! `POST /workspaceagents/{workspaceagent}/containers/devcontainers/{devcontainer}/recreate`.

use super::{
    access::{Access, agent_failed},
    container_types::shown,
    containers::ACTIONS,
};
use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_agent::{ErrorKind as AgentErrorKind, http_api, tunnel::port};
use coder_core::{
    Error,
    id::{DevcontainerId, WorkspaceAgentId},
};
use http::StatusCode;

/// Rebuild a dev container
///
/// It is done in the background. 409 while something else is done with it, or when the workspace lacks a program
/// for it; 502, 503 or 504 when the agent cannot be reached.
#[utoipa::path(
    post, path = "/workspaceagents/{workspaceagent}/containers/devcontainers/{devcontainer}/recreate",
    tag = "Agents",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:ssh"))),
    params(
        ("workspaceagent" = Uuid, Path, description = "Id of the agent"),
        ("devcontainer" = Uuid, Path, description = "Id of the dev container"),
    ),
    responses((status = ACCEPTED, body = Response)),
)]
pub(crate) async fn recreate_devcontainer(
    auth: Auth,
    State(state): State<AppState>,
    Path((agent, devcontainer)): Path<(WorkspaceAgentId, DevcontainerId)>,
) -> ApiResult<(StatusCode, Json<Response>)> {
    let access = Access::ask(&state, &auth, agent, ACTIONS).await?;
    let stream = access.open(port::HTTP_API).await?;
    let begun = http_api::recreate_devcontainer(stream, devcontainer).await;
    begun.map_err(|error| match error.kind() {
        AgentErrorKind::NotFound => Error::not_found().into(),
        AgentErrorKind::Conflict => Error::conflict(shown(error.message())).into(),
        _ => agent_failed(error),
    })?;
    let message = Response::message("The dev container is being made anew.");
    Ok((StatusCode::ACCEPTED, Json(message)))
}

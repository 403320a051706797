//! `GET /workspaceagents/{workspaceagent}`.

use super::{Look, WorkspaceAgent};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::WorkspaceAgentId, service::agents::Agents};

/// One agent
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent")),
    responses((status = OK, body = WorkspaceAgent)),
)]
pub(crate) async fn get_workspace_agent(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
) -> ApiResult<Json<WorkspaceAgent>> {
    let (details, _) = Agents::new(state.deps.clone())
        .get(auth.subject(), agent)
        .await?;
    Ok(Json(WorkspaceAgent::new(details, &Look::new(&state))))
}

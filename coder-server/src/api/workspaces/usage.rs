//! `POST /workspaces/{workspace}/usage`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    Error,
    id::{WorkspaceAgentId, WorkspaceId},
    service::workspaces::Workspaces,
};
use http::StatusCode;

/// What is used.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct PostWorkspaceUsageRequest {
    /// Through this agent.
    #[schema(value_type = Option<uuid::Uuid>)]
    agent_id: Option<WorkspaceAgentId>,
    /// `vscode`, `jetbrains`, `reconnecting-pty` or `ssh`.
    app_name: String,
}

/// Client reports activity
#[utoipa::path(
    post, path = "/workspaces/{workspace}/usage", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = PostWorkspaceUsageRequest,
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn post_workspace_usage(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<PostWorkspaceUsageRequest>,
) -> ApiResult<StatusCode> {
    let known = ["", "vscode", "jetbrains", "reconnecting-pty", "ssh"];
    if !known.contains(&request.app_name.as_str()) {
        return Err(Error::invalid_field("app_name", "is not known").into());
    }
    let agent = request.agent_id.filter(|agent| !agent.0.is_nil());
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .note_usage(auth.subject(), workspace, agent)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

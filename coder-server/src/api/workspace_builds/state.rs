//! `GET` and `PUT /workspacebuilds/{workspacebuild}/state`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::{extract::State, response::IntoResponse};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use coder_core::{Error, id::WorkspaceBuildId, service::builds::Builds};
use http::{StatusCode, header};

/// The state to store.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceBuildStateRequest {
    /// Base64.
    state: String,
}

/// Raw Terraform state of a build
///
/// It holds secrets of the template: for administrators of the template.
#[utoipa::path(
    get, path = "/workspacebuilds/{workspacebuild}/state", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("template:update"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build")),
    responses((status = OK, body = Vec<u8>, content_type = "application/json")),
)]
pub(crate) async fn get_workspace_build_state(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
) -> ApiResult<impl IntoResponse> {
    let found = Builds::new(state.deps.clone())
        .state(auth.subject(), build)
        .await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], found))
}

/// Overwrite the Terraform state of a build
#[utoipa::path(
    put, path = "/workspacebuilds/{workspacebuild}/state", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("template:update"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build")),
    request_body = UpdateWorkspaceBuildStateRequest,
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn put_workspace_build_state(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
    Json(request): Json<UpdateWorkspaceBuildStateRequest>,
) -> ApiResult<StatusCode> {
    let refused = |_| Error::invalid_field("state", "must be base64");
    let bytes = STANDARD.decode(request.state).map_err(refused)?;
    Builds::new(state.deps.clone())
        .set_state(auth.subject(), build, &bytes)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

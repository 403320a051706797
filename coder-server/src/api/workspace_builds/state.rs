//! `GET` and `PUT /workspacebuilds/{workspacebuild}/state`.

use super::state_bytes::StateBytes;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path, UnreadJson},
    },
};
use axum::{extract::State, response::IntoResponse};
use coder_core::{id::WorkspaceBuildId, service::builds::Builds};
use http::{StatusCode, header};

/// The state to store.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceBuildStateRequest {
    /// Base64, of at most 64 MiB.
    #[schema(value_type = String)]
    state: StateBytes,
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
    body: UnreadJson,
) -> ApiResult<StatusCode> {
    let builds = Builds::new(state.deps.clone());
    let subject = auth.subject();
    let permitted = body.is_large() && builds.may_set_state(subject, build).await?;
    let (request, _held) = body
        .read::<UpdateWorkspaceBuildStateRequest>(permitted)
        .await?;
    builds.set_state(subject, build, &request.state.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

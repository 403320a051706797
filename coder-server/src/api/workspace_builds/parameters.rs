//! `GET /workspacebuilds/{workspacebuild}/parameters`.

use super::WorkspaceBuildParameter;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::WorkspaceBuildId, service::builds::Builds};

/// Parameter values of a build
#[utoipa::path(
    get, path = "/workspacebuilds/{workspacebuild}/parameters", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build")),
    responses((status = OK, body = Vec<WorkspaceBuildParameter>)),
)]
pub(crate) async fn workspace_build_parameters(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
) -> ApiResult<Json<Vec<WorkspaceBuildParameter>>> {
    let builds = Builds::new(state.deps.clone());
    let values = builds.parameters(auth.subject(), build).await?;
    Ok(Json(values.into_iter().map(Into::into).collect()))
}

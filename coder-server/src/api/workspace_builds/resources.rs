//! `GET /workspacebuilds/{workspacebuild}/resources`.

use super::WorkspaceBuild;
use crate::{
    api::{workspace_agents::Look, workspace_resources::WorkspaceResource},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::WorkspaceBuildId, service::builds::Builds};

/// Resources of a build
#[utoipa::path(
    get, path = "/workspacebuilds/{workspacebuild}/resources", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build")),
    responses((status = OK, body = Vec<WorkspaceResource>)),
)]
pub(crate) async fn workspace_build_resources(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
) -> ApiResult<Json<Vec<WorkspaceResource>>> {
    let found = Builds::new(state.deps.clone())
        .get(auth.subject(), build)
        .await?;
    let view = WorkspaceBuild::new(found, &Look::new(&state));
    Ok(Json(view.into_resources()))
}

//! `GET /workspacebuilds/{workspacebuild}` and by number.

use super::WorkspaceBuild;
use crate::{
    api::{find, workspace_agents::Look},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::WorkspaceBuildId, service::builds::Builds};

/// One build
#[utoipa::path(
    get, path = "/workspacebuilds/{workspacebuild}", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build")),
    responses((status = OK, body = WorkspaceBuild)),
)]
pub(crate) async fn get_workspace_build(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
) -> ApiResult<Json<WorkspaceBuild>> {
    let found = Builds::new(state.deps.clone())
        .get(auth.subject(), build)
        .await?;
    Ok(Json(WorkspaceBuild::new(found, &Look::new(&state))))
}

/// A build by owner, workspace name and number
#[utoipa::path(
    get, path = "/users/{user}/workspace/{workspacename}/builds/{buildnumber}", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("workspacename" = String, Path, description = "Name of the workspace"),
        ("buildnumber" = i32, Path, description = "Number of the build"),
    ),
    responses((status = OK, body = WorkspaceBuild)),
)]
pub(crate) async fn get_workspace_build_by_number(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, name, number)): Path<(String, String, i32)>,
) -> ApiResult<Json<WorkspaceBuild>> {
    let owner = find::owner(&state, auth.subject(), &user).await?;
    let builds = Builds::new(state.deps.clone());
    let found = builds
        .by_number(auth.subject(), owner, &name, number)
        .await?;
    Ok(Json(WorkspaceBuild::new(found, &Look::new(&state))))
}

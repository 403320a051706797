//! `GET /workspacebuilds/{workspacebuild}/timings` and of a workspace's newest build.

use super::WorkspaceBuildTimings;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::{WorkspaceBuildId, WorkspaceId},
    rbac::Subject,
    service::{builds::Builds, workspaces::Workspaces},
};

/// How long the steps of a build took
#[utoipa::path(
    get, path = "/workspacebuilds/{workspacebuild}/timings", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build")),
    responses((status = OK, body = WorkspaceBuildTimings)),
)]
pub(crate) async fn workspace_build_timings(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
) -> ApiResult<Json<WorkspaceBuildTimings>> {
    timings(&state, auth.subject(), build).await
}

/// How long the steps of a workspace's newest build took
#[utoipa::path(
    get, path = "/workspaces/{workspace}/timings", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    responses((status = OK, body = WorkspaceBuildTimings)),
)]
pub(crate) async fn workspace_timings(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
) -> ApiResult<Json<WorkspaceBuildTimings>> {
    let workspaces = Workspaces::new(state.deps.clone());
    let found = workspaces.get(auth.subject(), workspace, false).await?;
    timings(&state, auth.subject(), found.latest_build.build.id).await
}

async fn timings(
    state: &AppState,
    subject: &Subject,
    build: WorkspaceBuildId,
) -> ApiResult<Json<WorkspaceBuildTimings>> {
    let builds = Builds::new(state.deps.clone());
    let job = builds.get(subject, build).await?.build.job_id;
    let timings = builds.timings(subject, build).await?;
    Ok(Json(WorkspaceBuildTimings::new(timings, job.into())))
}

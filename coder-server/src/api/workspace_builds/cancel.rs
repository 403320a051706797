//! `PATCH /workspacebuilds/{workspacebuild}/cancel`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path, Query},
    },
};
use axum::extract::State;
use coder_core::{
    Error, id::WorkspaceBuildId, provisioner_job::JobStatus, service::builds::Builds,
};

/// In which state only.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CancelQuery {
    /// `pending` or `running`: 412 when the build is in another state.
    expect_status: Option<String>,
}

/// Cancel a build
#[utoipa::path(
    patch, path = "/workspacebuilds/{workspacebuild}/cancel", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build"), CancelQuery),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn cancel_workspace_build(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
    Query(query): Query<CancelQuery>,
) -> ApiResult<Json<Response>> {
    let expected = match query.expect_status.as_deref() {
        None | Some("") => None,
        Some("pending") => Some(JobStatus::Pending),
        Some("running") => Some(JobStatus::Running),
        Some(_) => {
            let detail = "must be pending or running";
            return Err(Error::invalid_field("expect_status", detail).into());
        }
    };
    Builds::new(state.deps.clone())
        .cancel(auth.subject(), build, expected)
        .await?;
    Ok(Json(Response::message("The build is being canceled.")))
}

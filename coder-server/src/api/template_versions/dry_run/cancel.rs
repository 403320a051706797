//! `PATCH /templateversions/{templateversion}/dry-run/{jobID}/cancel`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::{ProvisionerJobId, TemplateVersionId},
    service::template_versions,
};

/// Cancel a dry run
#[utoipa::path(
    patch, path = "/templateversions/{templateversion}/dry-run/{jobID}/cancel", tag = "Templates",
    params(
        ("templateversion" = uuid::Uuid, Path, description = "Id of the version"),
        ("jobID" = uuid::Uuid, Path, description = "Id of the dry run's job"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:update"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn cancel_template_version_dry_run(
    auth: Auth,
    State(state): State<AppState>,
    Path((version, job)): Path<(TemplateVersionId, ProvisionerJobId)>,
) -> ApiResult<Json<Response>> {
    template_versions::cancel_dry_run(&state.deps, auth.subject(), version, job).await?;
    Ok(Json(Response::message("The dry run is being canceled.")))
}

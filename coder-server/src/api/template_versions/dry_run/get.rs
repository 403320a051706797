//! `GET /templateversions/{templateversion}/dry-run/{jobID}`.

use crate::{
    api::provisioner_jobs::ProvisionerJob,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::{ProvisionerJobId, TemplateVersionId},
    service::template_versions,
};

/// State of a dry run
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/dry-run/{jobID}", tag = "Templates",
    params(
        ("templateversion" = uuid::Uuid, Path, description = "Id of the version"),
        ("jobID" = uuid::Uuid, Path, description = "Id of the dry run's job"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:read"))),
    responses((status = OK, body = ProvisionerJob)),
)]
pub(crate) async fn get_template_version_dry_run(
    auth: Auth,
    State(state): State<AppState>,
    Path((version, job)): Path<(TemplateVersionId, ProvisionerJobId)>,
) -> ApiResult<Json<ProvisionerJob>> {
    let found = template_versions::dry_run(&state.deps, auth.subject(), version, job).await?;
    Ok(Json(found.into()))
}

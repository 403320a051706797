//! `GET /templateversions/{templateversion}/dry-run/{jobID}/matched-provisioners`.

use crate::{
    api::provisioner_jobs::MatchedProvisioners,
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

/// Daemons that fit a dry run
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/dry-run/{jobID}/matched-provisioners",
    tag = "Templates",
    params(
        ("templateversion" = uuid::Uuid, Path, description = "Id of the version"),
        ("jobID" = uuid::Uuid, Path, description = "Id of the dry run's job"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:read"))),
    responses((status = OK, body = MatchedProvisioners)),
)]
pub(crate) async fn template_version_dry_run_matched_provisioners(
    auth: Auth,
    State(state): State<AppState>,
    Path((version, job)): Path<(TemplateVersionId, ProvisionerJobId)>,
) -> ApiResult<Json<MatchedProvisioners>> {
    let subject = auth.subject();
    let found =
        template_versions::dry_run_matched_provisioners(&state.deps, subject, version, job).await?;
    Ok(Json(found.into()))
}

//! `GET /templateversions/{templateversion}/dry-run/{jobID}/resources`.

use crate::{
    api::{workspace_agents::Look, workspace_resources::WorkspaceResource},
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

/// Resources that a dry run planned
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/dry-run/{jobID}/resources", tag = "Templates",
    params(
        ("templateversion" = uuid::Uuid, Path, description = "Id of the version"),
        ("jobID" = uuid::Uuid, Path, description = "Id of the dry run's job"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:read"))),
    responses((status = OK, body = Vec<WorkspaceResource>)),
)]
pub(crate) async fn template_version_dry_run_resources(
    auth: Auth,
    State(state): State<AppState>,
    Path((version, job)): Path<(TemplateVersionId, ProvisionerJobId)>,
) -> ApiResult<Json<Vec<WorkspaceResource>>> {
    let subject = auth.subject();
    let found = template_versions::dry_run_resources(&state.deps, subject, version, job).await?;
    let look = Look::new(&state);
    let resources = found
        .into_iter()
        .map(|details| WorkspaceResource::new(details, &look));
    Ok(Json(resources.collect()))
}

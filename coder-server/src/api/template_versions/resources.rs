//! `GET /templateversions/{templateversion}/resources`.

use crate::{
    api::{workspace_agents::Look, workspace_resources::WorkspaceResource},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateVersionId, service::template_versions};

/// Resources that an import found
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/resources", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<WorkspaceResource>)),
)]
pub(crate) async fn template_version_resources(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<WorkspaceResource>>> {
    let found = template_versions::resources(&state.deps, auth.subject(), id).await?;
    let look = Look::new(&state);
    let resources = found
        .into_iter()
        .map(|details| WorkspaceResource::new(details, &look));
    Ok(Json(resources.collect()))
}

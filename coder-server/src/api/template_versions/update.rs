//! `PATCH /templateversions/{templateversion}`.

use super::types::TemplateVersion;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::TemplateVersionId,
    service::template_versions::{self, VersionChange},
};

/// What is given replaces what was.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct PatchTemplateVersionRequest {
    /// Left as it is when empty.
    name: Option<String>,
    message: Option<String>,
}

/// Rename a version or change its message
#[utoipa::path(
    patch, path = "/templateversions/{templateversion}", tag = "Templates",
    request_body = PatchTemplateVersionRequest,
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = TemplateVersion)),
)]
pub(crate) async fn update_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
    Json(request): Json<PatchTemplateVersionRequest>,
) -> ApiResult<Json<TemplateVersion>> {
    let change = VersionChange {
        name: request.name,
        message: request.message,
    };
    let changed = template_versions::update(&state.deps, auth.subject(), id, change).await?;
    Ok(Json(changed.into()))
}

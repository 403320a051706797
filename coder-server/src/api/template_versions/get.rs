//! `GET /templateversions/{templateversion}`.

use super::types::TemplateVersion;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateVersionId, service::template_versions};

/// One version
#[utoipa::path(
    get, path = "/templateversions/{templateversion}", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = TemplateVersion)),
)]
pub(crate) async fn get_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<TemplateVersion>> {
    let found = template_versions::get(&state.deps, auth.subject(), id).await?;
    Ok(Json(found.into()))
}

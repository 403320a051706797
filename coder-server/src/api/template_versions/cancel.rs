//! `PATCH /templateversions/{templateversion}/cancel`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateVersionId, service::template_versions};

/// Cancel an import
#[utoipa::path(
    patch, path = "/templateversions/{templateversion}/cancel", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn cancel_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Response>> {
    template_versions::cancel(&state.deps, auth.subject(), id).await?;
    Ok(Json(Response::message("The import is being canceled.")))
}

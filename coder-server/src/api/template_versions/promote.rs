//! `PATCH /templates/{template}/versions`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateId, service::templates};
use uuid::Uuid;

/// The version that new workspaces get from now on.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct UpdateActiveTemplateVersion {
    id: Uuid,
}

/// Promote a version
#[utoipa::path(
    patch, path = "/templates/{template}/versions", tag = "Templates",
    request_body = UpdateActiveTemplateVersion,
    params(("template" = uuid::Uuid, Path, description = "Id of the template")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn promote_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(template): Path<TemplateId>,
    Json(request): Json<UpdateActiveTemplateVersion>,
) -> ApiResult<Json<Response>> {
    templates::promote(&state.deps, auth.subject(), template, request.id.into()).await?;
    Ok(Json(Response::message(
        "The version is the active one now.",
    )))
}

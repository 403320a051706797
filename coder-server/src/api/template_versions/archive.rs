//! Archiving versions and bringing them back.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::{TemplateId, TemplateVersionId},
    service::template_versions,
};
use uuid::Uuid;

/// Archive a version
#[utoipa::path(
    post, path = "/templateversions/{templateversion}/archive", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn archive_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Response>> {
    template_versions::set_archived(&state.deps, auth.subject(), id, true).await?;
    Ok(Json(Response::message("The version is archived.")))
}

/// Bring an archived version back
#[utoipa::path(
    post, path = "/templateversions/{templateversion}/unarchive", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn unarchive_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Response>> {
    template_versions::set_archived(&state.deps, auth.subject(), id, false).await?;
    Ok(Json(Response::message(
        "The version is no longer archived.",
    )))
}

/// Which versions.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct ArchiveTemplateVersionsRequest {
    /// All that nothing uses, not only those whose import failed.
    all: bool,
}

/// Which versions were archived.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct ArchiveTemplateVersionsResponse {
    template_id: Uuid,
    archived_ids: Vec<Uuid>,
}

/// Archive every unused or failed version
#[utoipa::path(
    post, path = "/templates/{template}/versions/archive", tag = "Templates",
    request_body = ArchiveTemplateVersionsRequest,
    params(("template" = uuid::Uuid, Path, description = "Id of the template")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = ArchiveTemplateVersionsResponse)),
)]
pub(crate) async fn archive_template_versions(
    auth: Auth,
    State(state): State<AppState>,
    Path(template): Path<TemplateId>,
    Json(request): Json<ArchiveTemplateVersionsRequest>,
) -> ApiResult<Json<ArchiveTemplateVersionsResponse>> {
    let (deps, subject) = (&state.deps, auth.subject());
    let archived = template_versions::archive_unused(deps, subject, template, request.all).await?;
    Ok(Json(ArchiveTemplateVersionsResponse {
        template_id: template.into(),
        archived_ids: archived.into_iter().map(Uuid::from).collect(),
    }))
}

//! Versions by name.

use super::types::TemplateVersion;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use coder_core::{
    id::TemplateId,
    service::{template_versions, templates},
};
use http::StatusCode;

/// Version by template id and name
#[utoipa::path(
    get, path = "/templates/{template}/versions/{templateversionname}", tag = "Templates",
    params(
        ("template" = uuid::Uuid, Path, description = "Id of the template"),
        ("templateversionname" = String, Path, description = "Name of the version"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = TemplateVersion)),
)]
pub(crate) async fn get_template_version_by_name(
    auth: Auth,
    State(state): State<AppState>,
    Path((template, name)): Path<(TemplateId, String)>,
) -> ApiResult<Json<TemplateVersion>> {
    let subject = auth.subject();
    let found = template_versions::get_by_name(&state.deps, subject, template, &name).await?;
    Ok(Json(found.into()))
}

/// Version by organization, template and version name
#[utoipa::path(
    get, tag = "Templates",
    path = "/organizations/{organization}/templates/{templatename}/versions/{templateversionname}",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("templatename" = String, Path, description = "Name of the template"),
        ("templateversionname" = String, Path, description = "Name of the version"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = TemplateVersion)),
)]
pub(crate) async fn get_organization_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, template, name)): Path<(String, String, String)>,
) -> ApiResult<Json<TemplateVersion>> {
    let (deps, subject) = (&state.deps, auth.subject());
    let template = templates::get_by_name(deps, subject, &organization, &template).await?;
    let id = template.template.id;
    let found = template_versions::get_by_name(deps, subject, id, &name).await?;
    Ok(Json(found.into()))
}

/// The version before the named one
///
/// 204 when it is the first one.
#[utoipa::path(
    get, tag = "Templates",
    path = "/organizations/{organization}/templates/{templatename}/versions/{templateversionname}/previous",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("templatename" = String, Path, description = "Name of the template"),
        ("templateversionname" = String, Path, description = "Name of the version"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = TemplateVersion), (status = NO_CONTENT)),
)]
pub(crate) async fn get_previous_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, template, name)): Path<(String, String, String)>,
) -> ApiResult<Response> {
    let (deps, subject) = (&state.deps, auth.subject());
    let found =
        template_versions::get_previous(deps, subject, &organization, &template, &name).await?;
    Ok(match found {
        Some(previous) => Json(TemplateVersion::from(previous)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

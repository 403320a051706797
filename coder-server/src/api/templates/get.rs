//! `GET /templates/{template}` and `/organizations/{organization}/templates/{templatename}`.

use super::types::Template;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateId, service::templates};

/// One template
#[utoipa::path(
    get, path = "/templates/{template}", tag = "Templates",
    params(("template" = uuid::Uuid, Path, description = "Id of the template")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Template)),
)]
pub(crate) async fn get_template(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateId>,
) -> ApiResult<Json<Template>> {
    let found = templates::get(&state.deps, auth.subject(), id).await?;
    Ok(Json(found.into()))
}

/// Template by organization and name
#[utoipa::path(
    get, path = "/organizations/{organization}/templates/{templatename}", tag = "Templates",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("templatename" = String, Path, description = "Name of the template"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Template)),
)]
pub(crate) async fn get_template_by_name(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, name)): Path<(String, String)>,
) -> ApiResult<Json<Template>> {
    let subject = auth.subject();
    let found = templates::get_by_name(&state.deps, subject, &organization, &name).await?;
    Ok(Json(found.into()))
}

//! `GET /templates` and `/organizations/{organization}/templates`.

use super::types::Template;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path, Query},
    },
};
use axum::extract::State;
use coder_core::{search, service::templates};

/// A search.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// For example `exact_name:docker organization:coder`.
    #[serde(default)]
    #[param(required = false)]
    q: String,
}

/// Templates that the caller may see, by name
#[utoipa::path(
    get, path = "/templates", tag = "Templates", params(Search),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<Template>)),
)]
pub(crate) async fn list_templates(
    auth: Auth,
    State(state): State<AppState>,
    Query(search): Query<Search>,
) -> ApiResult<Json<Vec<Template>>> {
    let search = search::templates(&search.q, auth.user_id())?;
    let found = templates::list(&state.deps, auth.subject(), None, search).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// Templates of an organization, by name
#[utoipa::path(
    get, path = "/organizations/{organization}/templates", tag = "Templates",
    params(("organization" = String, Path, description = "Id, name or `default`"), Search),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<Template>)),
)]
pub(crate) async fn list_organization_templates(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    Query(search): Query<Search>,
) -> ApiResult<Json<Vec<Template>>> {
    let search = search::templates(&search.q, auth.user_id())?;
    let organization = Some(organization.as_str());
    let found = templates::list(&state.deps, auth.subject(), organization, search).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// Starter templates: none are built in
#[utoipa::path(
    get, path = "/templates/examples", tag = "Templates",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = Vec<String>)),
)]
pub(crate) async fn list_template_examples(_: Auth) -> Json<Vec<String>> {
    Json(Vec::new())
}

//! `GET /templates/{template}/versions`.

use super::types::TemplateVersion;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Pagination, Path, Query},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateId, service::template_versions, store::Page};

/// Which versions.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListVersions {
    /// Archived ones too.
    #[serde(default)]
    #[param(required = false)]
    include_archived: bool,
}

/// Versions of a template, newest first
#[utoipa::path(
    get, path = "/templates/{template}/versions", tag = "Templates",
    params(
        ("template" = uuid::Uuid, Path, description = "Id of the template"),
        ListVersions, Pagination,
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<TemplateVersion>)),
)]
pub(crate) async fn list_template_versions(
    auth: Auth,
    State(state): State<AppState>,
    Path(template): Path<TemplateId>,
    Query(query): Query<ListVersions>,
    pagination: Pagination,
) -> ApiResult<Json<Vec<TemplateVersion>>> {
    let cursor = pagination.after_id.is_some();
    let page = if cursor { Page::ALL } else { pagination.page() };
    let (deps, subject) = (&state.deps, auth.subject());
    let archived = query.include_archived;
    let found = template_versions::list(deps, subject, template, archived, page).await?;
    let found = if cursor {
        pagination.apply(found, |details| details.version.id.into())
    } else {
        found
    };
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

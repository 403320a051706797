//! `GET /organizations/{organization}`.

use super::types::Organization;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::organizations;

/// Organization by id, name or `default`
#[utoipa::path(
    get, path = "/organizations/{organization}", tag = "Organizations",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization:read"))),
    responses((status = OK, body = Organization)),
)]
pub(crate) async fn get_organization(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
) -> ApiResult<Json<Organization>> {
    let found = organizations::get(&state.deps, auth.subject(), &organization).await?;
    Ok(Json(found.into()))
}

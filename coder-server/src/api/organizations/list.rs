//! `GET /organizations`.

use super::types::Organization;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json},
    },
};
use axum::extract::State;
use coder_core::service::organizations;

/// Organizations that the caller may see
#[utoipa::path(
    get, path = "/organizations", tag = "Organizations",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization:read"))),
    responses((status = OK, body = Vec<Organization>)),
)]
pub(crate) async fn list_organizations(
    auth: Auth,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<Organization>>> {
    let found = organizations::list(&state.deps, auth.subject()).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

//! `GET /organizations/{organization}/provisionerkeys`.

use super::types::ProvisionerKey;
use crate::{
    api::find,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::provisioner_keys::ProvisionerKeys;

/// Keys with which external provisioners join
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerkeys", tag = "Enterprise",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_daemon:read"))),
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = OK, body = Vec<ProvisionerKey>)),
)]
pub(crate) async fn list_provisioner_keys(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
) -> ApiResult<Json<Vec<ProvisionerKey>>> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let keys = ProvisionerKeys::new(state.deps.clone());
    let found = keys.list(auth.subject(), organization).await?;
    Ok(Json(found.into_iter().map(ProvisionerKey::from).collect()))
}

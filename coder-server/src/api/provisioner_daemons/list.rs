//! `GET /organizations/{organization}/provisionerdaemons`.

use super::ProvisionerDaemon;
use crate::{
    api::find,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::daemons::Daemons;

/// Known provisioner daemons with what they do
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerdaemons", tag = "Provisioning",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_daemon:read"))),
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = OK, body = Vec<ProvisionerDaemon>)),
)]
pub(crate) async fn list_provisioner_daemons(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
) -> ApiResult<Json<Vec<ProvisionerDaemon>>> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let daemons = Daemons::new(state.deps.clone());
    let found = daemons.list(auth.subject(), organization).await?;
    Ok(Json(
        found.into_iter().map(ProvisionerDaemon::from).collect(),
    ))
}

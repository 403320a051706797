//! `GET /organizations/{organization}/provisionerkeys/daemons`.

use super::types::ProvisionerKey;
use crate::{
    api::{find, provisioner_daemons::ProvisionerDaemon},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::provisioner_keys::ProvisionerKeys;

/// A key with the daemons that joined with it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct ProvisionerKeyDaemons {
    key: ProvisionerKey,
    /// Those that are alive.
    daemons: Vec<ProvisionerDaemon>,
}

/// Provisioner keys, each with its live daemons
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerkeys/daemons", tag = "Enterprise",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_daemon:read"))),
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = OK, body = Vec<ProvisionerKeyDaemons>)),
)]
pub(crate) async fn list_provisioner_key_daemons(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
) -> ApiResult<Json<Vec<ProvisionerKeyDaemons>>> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let keys = ProvisionerKeys::new(state.deps.clone());
    let found = keys.daemons(auth.subject(), organization).await?;
    let found = found.into_iter().map(|found| ProvisionerKeyDaemons {
        key: found.key.into(),
        daemons: found.daemons.into_iter().map(Into::into).collect(),
    });
    Ok(Json(found.collect()))
}

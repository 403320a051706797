//! `DELETE /organizations/{organization}/provisionerkeys/{provisionerkey}`.

use crate::{
    api::find,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path},
    },
};
use axum::extract::State;
use coder_core::service::provisioner_keys::ProvisionerKeys;
use http::StatusCode;

/// Remove a provisioner key; its daemons finish what they run and go
#[utoipa::path(
    delete, path = "/organizations/{organization}/provisionerkeys/{provisionerkey}",
    tag = "Enterprise", security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_daemon:delete"))),
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("provisionerkey" = String, Path, description = "Name of the key"),
    ),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn delete_provisioner_key(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let keys = ProvisionerKeys::new(state.deps.clone());
    keys.delete(auth.subject(), organization, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

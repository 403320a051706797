//! `GET /provisionerkeys/{provisionerkey}`.

use super::types::ProvisionerKey;
use crate::http::{
    ApiResult,
    extract::{Json, Path, ProvisionerAuth},
};
use coder_core::{Error, provisioner_key::parse_secret};

/// The provisioner key that makes the call
#[utoipa::path(
    get, path = "/provisionerkeys/{provisionerkey}", tag = "Enterprise",
    security(("CoderProvisionerKey" = [])), extensions(("x-permission" = json!("provisioner"))),
    params(("provisionerkey" = String, Path, description = "Id of the key, or its secret once more")),
    responses((status = OK, body = ProvisionerKey)),
)]
pub(crate) async fn get_provisioner_key(
    auth: ProvisionerAuth,
    Path(name): Path<String>,
) -> ApiResult<Json<ProvisionerKey>> {
    let key = auth.0;
    // A key sees itself and nothing else, and the header is what proves it.
    let itself = parse_secret(&name) == Some(key.secret_hash) || name == key.id.to_string();
    if !itself {
        return Err(Error::not_found().into());
    }
    Ok(Json(key.into()))
}

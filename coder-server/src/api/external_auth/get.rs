//! `GET /external-auth/{externalauth}`.

use crate::http::{
    ApiError,
    extract::{Auth, Path},
};
use coder_core::{Error, ErrorKind};

/// Whether the caller has linked an account
///
/// No provider can be configured yet, so this is 404 for every id.
#[utoipa::path(
    get, path = "/external-auth/{externalauth}", tag = "Git",
    params(("externalauth" = String, Path, description = "Id of the provider")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = NOT_FOUND, body = crate::http::Response)),
)]
pub(crate) async fn get_external_auth(_auth: Auth, Path(_id): Path<String>) -> ApiError {
    let message = "This deployment has no external provider with this id.";
    Error::new(ErrorKind::NotFound, message).into()
}

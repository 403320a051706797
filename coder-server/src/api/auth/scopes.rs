//! `GET /auth/scopes`.

use crate::http::extract::Json;
use coder_core::service::keys;

/// Scopes that a token may have.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct ExternalApiKeyScopes {
    external: Vec<String>,
}

/// Scopes that a token may have
#[utoipa::path(
    get, path = "/auth/scopes", tag = "Authorization",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = ExternalApiKeyScopes)),
)]
pub(crate) async fn list_scopes() -> Json<ExternalApiKeyScopes> {
    Json(ExternalApiKeyScopes {
        external: keys::scopes(),
    })
}

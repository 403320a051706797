//! `GET /updatecheck`.

use crate::http::extract::Json;

/// The newest version that is known.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct UpdateCheckResponse {
    /// Whether it is the one that runs.
    current: bool,
    version: &'static str,
    url: &'static str,
}

/// The newest version that is known
///
/// The server asks nobody, so that is its own.
#[utoipa::path(
    get, path = "/updatecheck", tag = "General",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = UpdateCheckResponse)),
)]
pub(crate) async fn update_check() -> Json<UpdateCheckResponse> {
    Json(UpdateCheckResponse {
        current: true,
        version: crate::VERSION,
        url: "",
    })
}

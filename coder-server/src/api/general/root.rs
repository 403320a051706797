//! `GET /`.

use crate::http::{Response, extract::Json};

/// Says that this is the API
#[utoipa::path(
    get, path = "/", tag = "General",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn api_root() -> Json<Response> {
    Json(Response::message("This is the API of a Coder server."))
}

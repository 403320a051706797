//! `POST /users/logout`.

use super::login::session_cookie;
use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json},
    },
};
use axum::extract::State;
use coder_core::service::users;
use http::{HeaderName, header};

/// End the session that this request is made with
#[utoipa::path(
    post, path = "/users/logout", tag = "Users",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn logout(
    auth: Auth,
    State(state): State<AppState>,
) -> ApiResult<([(HeaderName, String); 1], Json<Response>)> {
    users::logout(&state.deps, &auth.0).await?;
    let cookie = session_cookie(&state.config.http, "");
    let body = Response::message("You are signed out.");
    Ok(([(header::SET_COOKIE, cookie)], Json(body)))
}

//! `PUT /users/{user}/keys/{keyid}/expire`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path},
    },
};
use axum::extract::State;
use coder_core::service::keys;
use http::StatusCode;

/// End a key but keep it listed
#[utoipa::path(
    put, path = "/users/{user}/keys/{keyid}/expire", tag = "Users",
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("keyid" = String, Path, description = "Public part of the key"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:update"))),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn expire_key(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    keys::expire_key(&state.deps, auth.subject(), &user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `DELETE /users/{user}/keys/{keyid}`.

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

/// Revoke a key
#[utoipa::path(
    delete, path = "/users/{user}/keys/{keyid}", tag = "Users",
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("keyid" = String, Path, description = "Public part of the key"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:delete"))),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn revoke_key(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    keys::delete_key(&state.deps, auth.subject(), &user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `POST /users/{user}/keys`.

use super::types::GenerateApiKeyResponse;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::keys;
use http::StatusCode;

/// Create a session key
///
/// The command line gets its key in this way from a browser that is signed in.
#[utoipa::path(
    post, path = "/users/{user}/keys", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:create"))),
    responses((status = CREATED, body = GenerateApiKeyResponse)),
)]
pub(crate) async fn create_key(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<(StatusCode, Json<GenerateApiKeyResponse>)> {
    let lifetime = state.config.http.session_duration;
    let key = keys::create_key(&state.deps, auth.subject(), &user, lifetime).await?;
    Ok((StatusCode::CREATED, Json(GenerateApiKeyResponse { key })))
}

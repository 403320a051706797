//! `GET /users/{user}/keys/tokens/tokenconfig`.

use super::types::lifetimes;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::users;

/// Limits of tokens.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TokenConfig {
    /// Nanoseconds.
    max_token_lifetime: i64,
}

/// The longest life of a user's tokens
#[utoipa::path(
    get, path = "/users/{user}/keys/tokens/tokenconfig", tag = "General",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read"))),
    responses((status = OK, body = TokenConfig)),
)]
pub(crate) async fn token_config(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<TokenConfig>> {
    let user = users::get(&state.deps, auth.subject(), &user).await?;
    let max = lifetimes(&state).max_for(&user.user);
    let max_token_lifetime = max.num_nanoseconds().unwrap_or(i64::MAX);
    Ok(Json(TokenConfig { max_token_lifetime }))
}

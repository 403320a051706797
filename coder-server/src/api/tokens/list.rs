//! `GET /users/{user}/keys/tokens`.

use super::types::ApiKey;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path, Query},
    },
};
use axum::extract::State;
use coder_core::service::keys;

/// Which tokens.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListTokens {
    /// Those that ended too.
    #[serde(default)]
    #[param(required = false)]
    include_expired: bool,
}

/// Tokens of a user, newest first
#[utoipa::path(
    get, path = "/users/{user}/keys/tokens", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`"), ListTokens),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:read"))),
    responses((status = OK, body = Vec<ApiKey>)),
)]
pub(crate) async fn list_tokens(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Query(query): Query<ListTokens>,
) -> ApiResult<Json<Vec<ApiKey>>> {
    let subject = auth.subject();
    let keys = keys::list_tokens(&state.deps, subject, &user, query.include_expired).await?;
    Ok(Json(keys.into_iter().map(Into::into).collect()))
}

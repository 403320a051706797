//! `GET /users/{user}/keys/{keyid}` and `…/keys/tokens/{keyname}`.

use super::types::ApiKey;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::keys;

/// Token by its name
#[utoipa::path(
    get, path = "/users/{user}/keys/tokens/{keyname}", tag = "Users",
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("keyname" = String, Path, description = "Name of the token"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:read"))),
    responses((status = OK, body = ApiKey)),
)]
pub(crate) async fn get_token(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, name)): Path<(String, String)>,
) -> ApiResult<Json<ApiKey>> {
    let key = keys::get_token(&state.deps, auth.subject(), &user, &name).await?;
    Ok(Json(key.into()))
}

/// Key by its id
#[utoipa::path(
    get, path = "/users/{user}/keys/{keyid}", tag = "Users",
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("keyid" = String, Path, description = "Public part of the key"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:read"))),
    responses((status = OK, body = ApiKey)),
)]
pub(crate) async fn get_key(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, id)): Path<(String, String)>,
) -> ApiResult<Json<ApiKey>> {
    let key = keys::get_key(&state.deps, auth.subject(), &user, &id).await?;
    Ok(Json(key.into()))
}

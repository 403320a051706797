//! `POST /users/{user}/keys/tokens`.

use super::types::{GenerateApiKeyResponse, lifetimes};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use chrono::TimeDelta;
use coder_core::service::keys::{self, NewToken};
use http::StatusCode;

/// A token to make.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateTokenRequest {
    /// Nanoseconds; 0 for the default.
    #[serde(default)]
    lifetime: i64,
    /// `all` or `application_connect`, from older clients.
    #[serde(default)]
    scope: String,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// Unique per user; made up when empty.
    #[serde(default)]
    token_name: String,
}

/// Create a long-lived token
#[utoipa::path(
    post, path = "/users/{user}/keys/tokens", tag = "Users", request_body = CreateTokenRequest,
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("api_key:create"))),
    responses((status = CREATED, body = GenerateApiKeyResponse)),
)]
pub(crate) async fn create_token(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Json(request): Json<CreateTokenRequest>,
) -> ApiResult<(StatusCode, Json<GenerateApiKeyResponse>)> {
    let mut scopes = request.scopes.unwrap_or_default();
    if scopes.is_empty() && !request.scope.is_empty() {
        scopes.push(request.scope);
    }
    let new = NewToken {
        name: request.token_name,
        lifetime: (request.lifetime != 0).then(|| TimeDelta::nanoseconds(request.lifetime)),
        scopes,
    };
    let lifetimes = lifetimes(&state);
    let key = keys::create_token(&state.deps, auth.subject(), &user, new, &lifetimes).await?;
    Ok((StatusCode::CREATED, Json(GenerateApiKeyResponse { key })))
}

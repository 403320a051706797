//! `GET` and `POST /users/first`.

use crate::{
    app_state::AppState,
    http::{ApiError, ApiResult, Response, extract::Json},
};
use axum::extract::State;
use coder_core::{
    secret::Secret,
    service::users::{self, FirstUser},
};
use http::StatusCode;
use uuid::Uuid;

/// Who sets the deployment up.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateFirstUserRequest {
    #[serde(default)]
    email: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    #[schema(value_type = String)]
    password: Secret,
}

/// Who was made.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct CreateFirstUserResponse {
    user_id: Uuid,
    organization_id: Uuid,
}

/// Whether the first user exists
///
/// 404 until it does.
#[utoipa::path(
    get, path = "/users/first", tag = "Users",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn get_first_user(State(state): State<AppState>) -> ApiResult<Json<Response>> {
    if users::first_user_exists(&state.deps).await? {
        return Ok(Json(Response::message("The first user exists.")));
    }
    let message = "The first user does not exist yet.";
    Err(ApiError::new(StatusCode::NOT_FOUND, message))
}

/// Create the first user, an owner
#[utoipa::path(
    post, path = "/users/first", tag = "Users", request_body = CreateFirstUserRequest,
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = CREATED, body = CreateFirstUserResponse)),
)]
pub(crate) async fn create_first_user(
    State(state): State<AppState>,
    Json(request): Json<CreateFirstUserRequest>,
) -> ApiResult<(StatusCode, Json<CreateFirstUserResponse>)> {
    let first = FirstUser {
        email: request.email,
        username: request.username,
        name: request.name,
        password: request.password,
    };
    let (user, organization) = users::create_first(&state.deps, &*state.passwords, first).await?;
    let response = CreateFirstUserResponse {
        user_id: user.into(),
        organization_id: organization.into(),
    };
    Ok((StatusCode::CREATED, Json(response)))
}

//! `PUT /users/{user}/status/suspend` and `…/activate`.

use super::types::User;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{service::users, user::UserStatus};

/// Suspend a user
///
/// Every credential of the account is refused from now on.
#[utoipa::path(
    put, path = "/users/{user}/status/suspend", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:update"))),
    responses((status = OK, body = User)),
)]
pub(crate) async fn suspend_user(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<User>> {
    let status = UserStatus::Suspended;
    let user = users::set_status(&state.deps, auth.subject(), &user, status).await?;
    Ok(Json(user.into()))
}

/// Activate a suspended user
#[utoipa::path(
    put, path = "/users/{user}/status/activate", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:update"))),
    responses((status = OK, body = User)),
)]
pub(crate) async fn activate_user(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<User>> {
    let status = UserStatus::Active;
    let user = users::set_status(&state.deps, auth.subject(), &user, status).await?;
    Ok(Json(user.into()))
}

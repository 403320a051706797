//! Site roles.

use super::types::{AssignableRoles, User};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::users;

/// The roles that an account has from now on.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateRoles {
    #[serde(default)]
    pub(crate) roles: Option<Vec<String>>,
}

/// Site roles and whether the caller may give them
#[utoipa::path(
    get, path = "/users/roles", tag = "Members",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("assign_role:read"))),
    responses((status = OK, body = Vec<AssignableRoles>)),
)]
pub(crate) async fn assignable_site_roles(
    auth: Auth,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<AssignableRoles>>> {
    let roles = users::assignable_roles(&state.deps, auth.subject())?;
    Ok(Json(roles.into_iter().map(Into::into).collect()))
}

/// Roles of a user
#[utoipa::path(
    get, path = "/users/{user}/roles", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read"))),
    responses((status = OK, body = User)),
)]
pub(crate) async fn get_user_roles(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<User>> {
    let user = users::get(&state.deps, auth.subject(), &user).await?;
    Ok(Json(user.into()))
}

/// Replace the site roles of a user
#[utoipa::path(
    put, path = "/users/{user}/roles", tag = "Users", request_body = UpdateRoles,
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("assign_role:assign"))),
    responses((status = OK, body = User)),
)]
pub(crate) async fn update_user_roles(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Json(request): Json<UpdateRoles>,
) -> ApiResult<Json<User>> {
    let roles = request.roles.unwrap_or_default();
    let user = users::set_roles(&state.deps, auth.subject(), &user, roles).await?;
    Ok(Json(user.into()))
}

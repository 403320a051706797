//! `GET /users/{user}/login-type`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{service::users, user::LoginType};

/// How an account signs in.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct UserLoginType {
    #[schema(value_type = String)]
    login_type: LoginType,
}

/// How a user signs in
#[utoipa::path(
    get, path = "/users/{user}/login-type", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read"))),
    responses((status = OK, body = UserLoginType)),
)]
pub(crate) async fn get_login_type(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<UserLoginType>> {
    let user = users::get(&state.deps, auth.subject(), &user).await?;
    Ok(Json(UserLoginType {
        login_type: user.user.login_type,
    }))
}

//! `GET /users/{user}`.

use super::types::User;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::users;

/// User by id, name or `me`
#[utoipa::path(
    get, path = "/users/{user}", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read"))),
    responses((status = OK, body = User)),
)]
pub(crate) async fn get_user(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<User>> {
    let user = users::get(&state.deps, auth.subject(), &user).await?;
    Ok(Json(user.into()))
}

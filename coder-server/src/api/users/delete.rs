//! `DELETE /users/{user}`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::users;

/// Delete a user
///
/// Refused while the user has workspaces. The name becomes free again.
#[utoipa::path(
    delete, path = "/users/{user}", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:delete"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn delete_user(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<Response>> {
    users::delete(&state.deps, auth.subject(), &user).await?;
    Ok(Json(Response::message("The user has been deleted.")))
}

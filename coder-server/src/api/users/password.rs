//! `PUT /users/{user}/password`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{secret::Secret, service::users};
use http::StatusCode;

/// A new password.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateUserPasswordRequest {
    /// Needed for one's own.
    #[serde(default)]
    #[schema(value_type = String)]
    old_password: Secret,
    #[serde(default)]
    #[schema(value_type = String)]
    password: Secret,
}

/// Change a password
///
/// Ends every session and token of the account.
#[utoipa::path(
    put, path = "/users/{user}/password", tag = "Users", request_body = UpdateUserPasswordRequest,
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:update_personal"))),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn update_user_password(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Json(request): Json<UpdateUserPasswordRequest>,
) -> ApiResult<StatusCode> {
    let (old, new) = (request.old_password, request.password);
    let (deps, hasher) = (&state.deps, &*state.passwords);
    users::change_password(deps, auth.subject(), hasher, &user, old, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

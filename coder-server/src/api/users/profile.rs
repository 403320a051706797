//! `PUT /users/{user}/profile`.

use super::types::User;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::users::{self, ProfileChange};

/// What a profile becomes.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateUserProfileRequest {
    #[serde(default)]
    username: String,
    #[serde(default)]
    name: String,
    /// Left as it is when absent.
    #[serde(default)]
    avatar_url: Option<String>,
}

/// Change username, name and picture
#[utoipa::path(
    put, path = "/users/{user}/profile", tag = "Users", request_body = UpdateUserProfileRequest,
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:update_personal"))),
    responses((status = OK, body = User)),
)]
pub(crate) async fn update_user_profile(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Json(request): Json<UpdateUserProfileRequest>,
) -> ApiResult<Json<User>> {
    let change = ProfileChange {
        username: request.username,
        name: request.name,
        avatar_url: request.avatar_url,
    };
    let user = users::update_profile(&state.deps, auth.subject(), &user, change).await?;
    Ok(Json(user.into()))
}

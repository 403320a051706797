//! `GET` and `PUT /users/{user}/gitsshkey`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use coder_core::{git_ssh_key, service::git_ssh_keys};
use uuid::Uuid;

/// The public half of a key pair for Git hosts.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct GitSSHKey {
    user_id: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// The line for a Git host. The private half is shown to nobody.
    public_key: String,
}

impl From<git_ssh_key::GitSshKey> for GitSSHKey {
    fn from(key: git_ssh_key::GitSshKey) -> Self {
        Self {
            user_id: key.user_id.into(),
            created_at: key.created_at,
            updated_at: key.updated_at,
            public_key: key.public_key,
        }
    }
}

/// A user's public key for Git hosts
///
/// The pair is made the first time that anybody asks for it.
#[utoipa::path(
    get, path = "/users/{user}/gitsshkey", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read_personal"))),
    responses((status = OK, body = GitSSHKey)),
)]
pub(crate) async fn get_git_ssh_key(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<GitSSHKey>> {
    let key = git_ssh_keys::get(&state.deps, auth.subject(), &user).await?;
    Ok(Json(key.into()))
}

/// Replace a user's key pair for Git hosts
///
/// The old one is forgotten at once: give the new public key to the Git hosts.
#[utoipa::path(
    put, path = "/users/{user}/gitsshkey", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:update_personal"))),
    responses((status = OK, body = GitSSHKey)),
)]
pub(crate) async fn regenerate_git_ssh_key(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<GitSSHKey>> {
    let key = git_ssh_keys::regenerate(&state.deps, auth.subject(), &user).await?;
    Ok(Json(key.into()))
}

//! Organizations of a user.

use crate::{
    api::organizations::Organization,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{Error, service::organizations};

/// Organizations of a user
#[utoipa::path(
    get, path = "/users/{user}/organizations", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization:read"))),
    responses((status = OK, body = Vec<Organization>)),
)]
pub(crate) async fn list_user_organizations(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<Vec<Organization>>> {
    let found = organizations::of_user(&state.deps, auth.subject(), &user).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// One organization of a user, by name
#[utoipa::path(
    get, path = "/users/{user}/organizations/{organizationname}", tag = "Users",
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("organizationname" = String, Path, description = "Name of the organization"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization:read"))),
    responses((status = OK, body = Organization)),
)]
pub(crate) async fn get_user_organization(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, name)): Path<(String, String)>,
) -> ApiResult<Json<Organization>> {
    let found = organizations::of_user(&state.deps, auth.subject(), &user).await?;
    let found = found
        .into_iter()
        .find(|one| one.name.eq_ignore_ascii_case(&name));
    Ok(Json(found.ok_or_else(Error::not_found)?.into()))
}

//! `GET`, `POST` and `DELETE /organizations/{organization}/members/{user}`.

use super::types::{OrganizationMember, OrganizationMemberWithUserData};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::organizations;
use http::StatusCode;

/// One member
#[utoipa::path(
    get, path = "/organizations/{organization}/members/{user}", tag = "Members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, username or `me`"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization_member:read"))),
    responses((status = OK, body = OrganizationMemberWithUserData)),
)]
pub(crate) async fn get_member(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, user)): Path<(String, String)>,
) -> ApiResult<Json<OrganizationMemberWithUserData>> {
    let found = organizations::member(&state.deps, auth.subject(), &organization, &user).await?;
    Ok(Json(found.into()))
}

/// Add a user to an organization
#[utoipa::path(
    post, path = "/organizations/{organization}/members/{user}", tag = "Members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, username or `me`"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization_member:create"))),
    responses((status = OK, body = OrganizationMember)),
)]
pub(crate) async fn add_member(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, user)): Path<(String, String)>,
) -> ApiResult<Json<OrganizationMember>> {
    let subject = auth.subject();
    let member = organizations::add_member(&state.deps, subject, &organization, &user).await?;
    Ok(Json(member.into()))
}

/// Remove a user from an organization
#[utoipa::path(
    delete, path = "/organizations/{organization}/members/{user}", tag = "Members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, username or `me`"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization_member:delete"))),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn remove_member(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, user)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    organizations::remove_member(&state.deps, auth.subject(), &organization, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

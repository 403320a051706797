//! `PUT /organizations/{organization}/members/{user}/roles`.

use super::types::OrganizationMember;
use crate::{
    api::users::UpdateRoles,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::organizations;

/// Replace the organization roles of a member
#[utoipa::path(
    put, path = "/organizations/{organization}/members/{user}/roles", tag = "Members",
    request_body = UpdateRoles,
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, username or `me`"),
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("assign_org_role:assign"))),
    responses((status = OK, body = OrganizationMember)),
)]
pub(crate) async fn update_member_roles(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, user)): Path<(String, String)>,
    Json(request): Json<UpdateRoles>,
) -> ApiResult<Json<OrganizationMember>> {
    let (subject, roles) = (auth.subject(), request.roles.unwrap_or_default());
    let (member, _) =
        organizations::set_member_roles(&state.deps, subject, &organization, &user, roles).await?;
    Ok(Json(member.into()))
}

//! `GET /organizations/{organization}/members` and `…/paginated-members`.

use super::types::OrganizationMemberWithUserData;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Pagination, Path},
    },
};
use axum::extract::State;
use coder_core::service::organizations;

/// A part of the members.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct PaginatedMembersResponse {
    members: Vec<OrganizationMemberWithUserData>,
    /// How many there are in all.
    count: usize,
}

/// Members of an organization, by username
#[utoipa::path(
    get, path = "/organizations/{organization}/members", tag = "Members",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization_member:read"))),
    responses((status = OK, body = Vec<OrganizationMemberWithUserData>)),
)]
pub(crate) async fn list_members(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
) -> ApiResult<Json<Vec<OrganizationMemberWithUserData>>> {
    let members = organizations::members(&state.deps, auth.subject(), &organization).await?;
    Ok(Json(members.into_iter().map(Into::into).collect()))
}

/// Page through members of an organization
#[utoipa::path(
    get, path = "/organizations/{organization}/paginated-members", tag = "Members",
    params(("organization" = String, Path, description = "Id, name or `default`"), Pagination),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization_member:read"))),
    responses((status = OK, body = PaginatedMembersResponse)),
)]
pub(crate) async fn page_members(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    pagination: Pagination,
) -> ApiResult<Json<PaginatedMembersResponse>> {
    let members = organizations::members(&state.deps, auth.subject(), &organization).await?;
    let count = members.len();
    let members = pagination.apply(members, |(_, user)| user.id.into());
    let members = members.into_iter().map(Into::into).collect();
    Ok(Json(PaginatedMembersResponse { members, count }))
}

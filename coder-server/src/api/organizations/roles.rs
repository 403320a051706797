//! `GET /organizations/{organization}/members/roles`.

use crate::{
    api::users::AssignableRoles,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::service::organizations;

/// Roles of an organization and whether the caller may give them
#[utoipa::path(
    get, path = "/organizations/{organization}/members/roles", tag = "Members",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("assign_org_role:read"))),
    responses((status = OK, body = Vec<AssignableRoles>)),
)]
pub(crate) async fn assignable_organization_roles(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
) -> ApiResult<Json<Vec<AssignableRoles>>> {
    let (organization, roles) =
        organizations::assignable_roles(&state.deps, auth.subject(), &organization).await?;
    let id = Some(organization.id.into());
    let roles = roles
        .iter()
        .map(|(role, assignable)| AssignableRoles::new(role, *assignable, id));
    Ok(Json(roles.collect()))
}

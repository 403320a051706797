//! Routes of organizations.

use super::{create, get, list, member, member_roles, members, roles};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(
            list::list_organizations,
            create::create_organization
        ))
        .routes(routes!(get::get_organization))
        .routes(routes!(members::list_members))
        .routes(routes!(members::page_members))
        .routes(routes!(roles::assignable_organization_roles))
        .routes(routes!(
            member::get_member,
            member::add_member,
            member::remove_member
        ))
        .routes(routes!(member_roles::update_member_roles))
}

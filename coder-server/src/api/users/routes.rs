//! Routes of accounts.

use super::{
    appearance, authmethods, create, delete, first, get, git_ssh_key, list, login_type,
    organizations, password, profile, roles, status, validate_password,
};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list_users, create::create_user))
        .routes(routes!(first::get_first_user, first::create_first_user))
        .routes(routes!(authmethods::auth_methods))
        .routes(routes!(validate_password::validate_password))
        .routes(routes!(roles::assignable_site_roles))
        .routes(routes!(get::get_user, delete::delete_user))
        .routes(routes!(profile::update_user_profile))
        .routes(routes!(password::update_user_password))
        .routes(routes!(status::suspend_user))
        .routes(routes!(status::activate_user))
        .routes(routes!(roles::get_user_roles, roles::update_user_roles))
        .routes(routes!(login_type::get_login_type))
        .routes(routes!(
            appearance::get_appearance,
            appearance::update_appearance
        ))
        .routes(routes!(
            git_ssh_key::get_git_ssh_key,
            git_ssh_key::regenerate_git_ssh_key
        ))
        .routes(routes!(organizations::list_user_organizations))
        .routes(routes!(organizations::get_user_organization))
}

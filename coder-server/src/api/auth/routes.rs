//! Routes of signing in and out.

use super::{authcheck, login, logout, scopes};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(login::login))
        .routes(routes!(logout::logout))
        .routes(routes!(scopes::list_scopes))
        .routes(routes!(authcheck::check_authorization))
}

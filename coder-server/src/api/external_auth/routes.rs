use super::{get, list};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list_external_auth))
        .routes(routes!(get::get_external_auth))
}

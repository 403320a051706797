use super::list;
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list::list_connection_logs))
}

use super::{create, daemons, delete, get, list};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(
            list::list_provisioner_keys,
            create::create_provisioner_key
        ))
        .routes(routes!(daemons::list_provisioner_key_daemons))
        .routes(routes!(delete::delete_provisioner_key))
        .routes(routes!(get::get_provisioner_key))
}

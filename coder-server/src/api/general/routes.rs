//! Routes of general facts.

use super::{
    appearance, buildinfo, debug_ws, entitlements, experiments, metrics, regions, root, ssh,
    update_check,
};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(root::api_root))
        .routes(routes!(buildinfo::buildinfo))
        .routes(routes!(update_check::update_check))
        .routes(routes!(ssh::ssh_config))
        .routes(routes!(experiments::experiments))
        .routes(routes!(experiments::available_experiments))
        .routes(routes!(entitlements::entitlements))
        .routes(routes!(appearance::appearance))
        .routes(routes!(regions::regions))
        .routes(routes!(regions::applications_host))
        .routes(routes!(metrics::debug_metrics))
        .routes(routes!(debug_ws::debug_ws))
}

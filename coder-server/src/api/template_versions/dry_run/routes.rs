//! Routes of dry runs.

use super::{cancel, create, get, logs, matched_provisioners, resources};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_template_version_dry_run))
        .routes(routes!(get::get_template_version_dry_run))
        .routes(routes!(cancel::cancel_template_version_dry_run))
        .routes(routes!(logs::template_version_dry_run_logs))
        .routes(routes!(
            matched_provisioners::template_version_dry_run_matched_provisioners
        ))
        .routes(routes!(resources::template_version_dry_run_resources))
}

//! Routes of template versions.

use super::{
    archive, by_name, cancel, contents, create, dry_run, external_auth, get, list, logs, presets,
    promote, resources, update,
};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_template_version))
        .routes(routes!(by_name::get_organization_template_version))
        .routes(routes!(by_name::get_previous_template_version))
        .routes(routes!(
            list::list_template_versions,
            promote::promote_template_version
        ))
        .routes(routes!(by_name::get_template_version_by_name))
        .routes(routes!(archive::archive_template_versions))
        .routes(routes!(
            get::get_template_version,
            update::update_template_version
        ))
        .routes(routes!(cancel::cancel_template_version))
        .routes(routes!(archive::archive_template_version))
        .routes(routes!(archive::unarchive_template_version))
        .routes(routes!(logs::template_version_logs))
        .routes(routes!(resources::template_version_resources))
        .routes(routes!(contents::template_version_rich_parameters))
        .routes(routes!(contents::template_version_variables))
        .routes(routes!(presets::template_version_presets))
        .routes(routes!(external_auth::template_version_external_auth))
        .routes(routes!(contents::template_version_schema))
        .routes(routes!(contents::template_version_parameters))
        .merge(dry_run::routes())
}

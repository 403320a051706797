use super::{create, get, list, settings, usage, watch};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_workspace))
        .routes(routes!(create::create_workspace_in_organization))
        .routes(routes!(list::list_workspaces))
        .routes(routes!(get::get_workspace, settings::rename_workspace))
        .routes(routes!(get::get_workspace_by_name))
        .routes(routes!(settings::put_workspace_autostart))
        .routes(routes!(settings::put_workspace_ttl))
        .routes(routes!(settings::put_workspace_autoupdates))
        .routes(routes!(settings::put_workspace_extend))
        .routes(routes!(settings::put_workspace_dormant))
        .routes(routes!(
            settings::favorite_workspace,
            settings::unfavorite_workspace
        ))
        .routes(routes!(usage::post_workspace_usage))
        .routes(routes!(watch::watch_workspace))
        .routes(routes!(watch::watch_workspace_ws))
}

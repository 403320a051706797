use super::{cancel, create, get, list, logs, parameters, resources, state, timings};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(
            list::list_workspace_builds,
            create::create_workspace_build
        ))
        .routes(routes!(get::get_workspace_build))
        .routes(routes!(get::get_workspace_build_by_number))
        .routes(routes!(cancel::cancel_workspace_build))
        .routes(routes!(logs::workspace_build_logs))
        .routes(routes!(parameters::workspace_build_parameters))
        .routes(routes!(resources::workspace_build_resources))
        .routes(routes!(
            state::get_workspace_build_state,
            state::put_workspace_build_state
        ))
        .routes(routes!(timings::workspace_build_timings))
        .routes(routes!(timings::workspace_timings))
}

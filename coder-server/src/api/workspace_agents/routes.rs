use super::{
    connect, connection, containers, get, instance_identity, listening_ports, logs, me, ping, pty,
    recreate_devcontainer, watch_metadata,
};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(me::routes())
        .routes(routes!(instance_identity::aws_instance_identity))
        .routes(routes!(instance_identity::azure_instance_identity))
        .routes(routes!(instance_identity::google_instance_identity))
        .routes(routes!(connection::agent_connection_hints))
        .routes(routes!(get::get_workspace_agent))
        .routes(routes!(connection::agent_connection))
        .routes(routes!(connect::connect_to_agent))
        .routes(routes!(containers::workspace_agent_containers))
        .routes(routes!(recreate_devcontainer::recreate_devcontainer))
        .routes(routes!(listening_ports::workspace_agent_listening_ports))
        .routes(routes!(ping::ping_agent))
        .routes(routes!(logs::workspace_agent_logs))
        .routes(routes!(logs::workspace_agent_startup_logs))
        .routes(routes!(pty::workspace_agent_pty))
        .routes(routes!(watch_metadata::watch_agent_metadata))
        .routes(routes!(watch_metadata::watch_agent_metadata_ws))
}

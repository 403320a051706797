//! What agents call with their own token: the calls of [`coder_agent::protocol`] and the tunnel.

mod calls;
mod external_auth;
mod git_ssh_key;
mod stream;
mod sub_agents;
mod tunnel;

use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(calls::agent_manifest))
        .routes(routes!(calls::agent_startup))
        .routes(routes!(calls::agent_report_lifecycle))
        .routes(routes!(calls::agent_patch_logs))
        .routes(routes!(calls::agent_post_log_source))
        .routes(routes!(calls::agent_report_metadata))
        .routes(routes!(calls::agent_script_completed))
        .routes(routes!(calls::agent_report_app_health))
        .routes(routes!(calls::agent_report_stats))
        .routes(routes!(git_ssh_key::agent_git_ssh_key))
        .routes(routes!(external_auth::agent_external_auth))
        .routes(routes!(external_auth::agent_git_auth))
        .routes(routes!(
            sub_agents::agent_create_sub_agent,
            sub_agents::agent_list_sub_agents
        ))
        .routes(routes!(sub_agents::agent_delete_sub_agent))
        .routes(routes!(calls::agent_report_connection))
        .routes(routes!(calls::agent_resources_monitoring_configuration))
        .routes(routes!(calls::agent_resources_monitoring_usage))
        .routes(routes!(stream::agent_stream))
        .routes(routes!(tunnel::agent_tunnel))
}

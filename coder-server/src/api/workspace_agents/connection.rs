//! `GET /workspaceagents/connection` and `GET /workspaceagents/{workspaceagent}/connection`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
    rpc::{has_host_key, host_key},
};
use axum::extract::State;
use coder_core::{id::WorkspaceAgentId, service::agents::Agents};

/// How clients reach agents.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AgentConnectionInfo {
    /// Always null: every stream goes through the server.
    #[schema(value_type = Option<Object>)]
    derp_map: Option<()>,
    derp_force_websockets: bool,
    /// Always true: every stream goes through the server.
    disable_direct_connections: bool,
    /// Workspaces are named `<workspace>.<suffix>` in SSH configurations.
    #[serde(skip_serializing_if = "String::is_empty")]
    hostname_suffix: String,
    /// The agent's SSH host key as `known_hosts` has it, `ssh-ed25519 AAAA…`. Absent without an agent, and for
    /// agents that make a key of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_host_key: Option<String>,
}

impl AgentConnectionInfo {
    fn of(state: &AppState) -> Self {
        Self {
            derp_map: None,
            derp_force_websockets: true,
            disable_direct_connections: true,
            hostname_suffix: state.config.client.workspace_hostname_suffix.clone(),
            ssh_host_key: None,
        }
    }
}

/// Network hints without naming an agent
#[utoipa::path(
    get, path = "/workspaceagents/connection", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = AgentConnectionInfo)),
)]
pub(crate) async fn agent_connection_hints(
    _: Auth,
    State(state): State<AppState>,
) -> Json<AgentConnectionInfo> {
    Json(AgentConnectionInfo::of(&state))
}

/// Network hints for one agent
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/connection", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent")),
    responses((status = OK, body = AgentConnectionInfo)),
)]
pub(crate) async fn agent_connection(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
) -> ApiResult<Json<AgentConnectionInfo>> {
    let agents = Agents::new(state.deps.clone());
    let (found, workspace) = agents.get(auth.subject(), agent).await?;
    let mut info = AgentConnectionInfo::of(&state);
    if has_host_key(&found.agent) {
        let key = host_key(&agents, &workspace, &found.agent.name).await?;
        info.ssh_host_key = Some(key.public_key());
    }
    Ok(Json(info))
}

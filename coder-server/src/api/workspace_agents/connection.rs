//! `GET /workspaceagents/connection` and `GET /workspaceagents/{workspaceagent}/connection`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
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
}

impl AgentConnectionInfo {
    fn of(state: &AppState) -> Self {
        Self {
            derp_map: None,
            derp_force_websockets: true,
            disable_direct_connections: true,
            hostname_suffix: state.config.client.workspace_hostname_suffix.clone(),
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
    Agents::new(state.deps.clone())
        .get(auth.subject(), agent)
        .await?;
    Ok(Json(AgentConnectionInfo::of(&state)))
}

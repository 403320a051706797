//! `GET /workspaceagents/me/gitsshkey`.

use super::calls::calls;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{AgentAuth, Json},
    },
};
use axum::extract::State;
use coder_agent::protocol::GitSshKey;

/// The owner's key pair for Git hosts
///
/// 403 for agents whose template has `api_key_scope = "no_user_data"`.
#[utoipa::path(
    get, path = "/workspaceagents/me/gitsshkey", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    responses((status = OK, body = Object, description = "`GitSshKey` of the agent protocol")),
)]
pub(super) async fn agent_git_ssh_key(
    agent: AgentAuth,
    State(state): State<AppState>,
) -> ApiResult<Json<GitSshKey>> {
    Ok(Json(calls(&state, agent).git_ssh_key().await?))
}

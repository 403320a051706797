//! `GET /workspaceagents/me/external-auth` and its older name.

use super::calls::calls;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{AgentAuth, Json, Query},
    },
};
use axum::extract::State;
use coder_agent::protocol::{ExternalAuthQuery, ExternalAuthResponse};

/// What is asked for; exactly one of `match` and `id`.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskExternalAuth {
    /// A host or the address of a repository.
    #[serde(default, rename = "match")]
    matching: String,
    /// Id of a provider.
    #[serde(default)]
    id: String,
    /// Wait until the owner has signed in.
    #[serde(default)]
    listen: bool,
}

/// The owner's credentials at an external provider
///
/// 404 when no provider is responsible; none can be configured yet. 403 for agents whose template has
/// `api_key_scope = "no_user_data"`.
#[utoipa::path(
    get, path = "/workspaceagents/me/external-auth", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    params(AskExternalAuth),
    responses((status = OK, body = Object, description = "`ExternalAuthResponse` of the agent protocol")),
)]
pub(super) async fn agent_external_auth(
    agent: AgentAuth,
    State(state): State<AppState>,
    Query(query): Query<AskExternalAuth>,
) -> ApiResult<Json<ExternalAuthResponse>> {
    let query = ExternalAuthQuery {
        matching: query.matching,
        id: query.id,
        listen: query.listen,
    };
    Ok(Json(calls(&state, agent).external_auth(&query)?))
}

/// The older name of `external-auth`
#[utoipa::path(
    get, path = "/workspaceagents/me/gitauth", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    params(AskExternalAuth),
    responses((status = OK, body = Object, description = "`ExternalAuthResponse` of the agent protocol")),
)]
pub(super) async fn agent_git_auth(
    agent: AgentAuth,
    state: State<AppState>,
    query: Query<AskExternalAuth>,
) -> ApiResult<Json<ExternalAuthResponse>> {
    agent_external_auth(agent, state, query).await
}

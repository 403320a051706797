//! `GET /workspaceagents/{workspaceagent}/containers`.

use super::{
    access::{Access, agent_failed},
    container_types::WorkspaceAgentListContainersResponse,
};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path, Query},
    },
};
use axum::extract::State;
use coder_agent::{http_api, protocol::ListContainersResponse, tunnel::port};
use coder_core::{id::WorkspaceAgentId, rbac::Action};

/// Whoever may open a shell may ask the engine as well.
pub(super) const ACTIONS: &[Action] = &[Action::Ssh];

/// Which containers are wanted.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListContainers {
    /// Only containers with this label: its name, or `name=value`.
    #[serde(default)]
    label: String,
}

/// Containers seen by the agent
///
/// Empty where the agent does not look at containers, or there is no engine. 502, 503 or 504 when the agent cannot
/// be reached.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/containers", tag = "Agents",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:ssh"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent"), ListContainers),
    responses((status = OK, body = WorkspaceAgentListContainersResponse)),
)]
pub(crate) async fn workspace_agent_containers(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
    Query(wanted): Query<ListContainers>,
) -> ApiResult<Json<WorkspaceAgentListContainersResponse>> {
    let access = Access::ask(&state, &auth, agent, ACTIONS).await?;
    let stream = access.open(port::HTTP_API).await?;
    let mut found = http_api::containers(stream).await.map_err(agent_failed)?;
    retain(&mut found, &wanted.label);
    Ok(Json(found.into()))
}

fn retain(found: &mut ListContainersResponse, label: &str) {
    if label.is_empty() {
        return;
    }
    let (name, value) = match label.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (label, None),
    };
    found.containers.retain(|container| {
        let own = container.labels.get(name);
        own.is_some_and(|own| value.is_none_or(|value| value == own))
    });
}

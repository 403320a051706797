//! `GET /workspaceagents/{workspaceagent}/watch-metadata` and `watch-metadata-ws`.

use super::{Look, WorkspaceAgentMetadata};
use crate::{
    api::events::{self, ServerSentEvent},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path},
        follow::{Batch, Source, Then, Upgrade, follow},
    },
};
use async_trait::async_trait;
use axum::{extract::State, response::Response};
use coder_core::{
    Error, event::Topic, id::WorkspaceAgentId, rbac::Subject, service::agents::Agents,
    workspace_agent::AgentMetadatum,
};

const ROUTE: &str = "/api/v2/workspaceagents/{workspaceagent}/watch-metadata-ws";

/// Agent metadata as server-sent events
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/watch-metadata", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent")),
    responses((status = OK, content_type = "text/event-stream", body = Vec<WorkspaceAgentMetadata>)),
)]
pub(crate) async fn watch_agent_metadata(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
) -> ApiResult<Response> {
    let source = Values::checked(&state, &auth, agent, false).await?;
    Ok(events::sse(&state, &auth, Topic::Agent(agent), source).await?)
}

/// Agent metadata over a WebSocket
///
/// Each text message is a `ServerSentEvent` of type `data` that holds all values.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/watch-metadata-ws", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent")),
    responses((status = SWITCHING_PROTOCOLS, body = ServerSentEvent)),
)]
pub(crate) async fn watch_agent_metadata_ws(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    let source = Values::checked(&state, &auth, agent, true).await?;
    Ok(follow(
        &state,
        &auth,
        upgrade,
        ROUTE,
        Topic::Agent(agent),
        source,
    ))
}

/// All values whenever one changed.
struct Values {
    state: AppState,
    agent: WorkspaceAgentId,
    wrapped: bool,
    last: Option<Vec<AgentMetadatum>>,
}

impl Values {
    async fn checked(
        state: &AppState,
        auth: &Auth,
        agent: WorkspaceAgentId,
        wrapped: bool,
    ) -> Result<Self, Error> {
        Agents::new(state.deps.clone())
            .metadata(auth.subject(), agent)
            .await?;
        Ok(Self {
            state: state.clone(),
            agent,
            wrapped,
            last: None,
        })
    }
}

#[async_trait]
impl Source for Values {
    async fn next(&mut self, subject: &Subject) -> Result<Batch, Error> {
        let found = Agents::new(self.state.deps.clone())
            .metadata(subject, self.agent)
            .await?;
        let mut batch = Batch {
            messages: Vec::new(),
            then: Then::Wait,
        };
        if self.last.as_ref() != Some(&found) {
            self.last = Some(found.clone());
            let look = Look::new(&self.state);
            let values = found
                .into_iter()
                .map(|one| WorkspaceAgentMetadata::new(one, &look));
            let values: Vec<_> = values.collect();
            batch.messages.push(events::text(&values, self.wrapped)?);
        }
        Ok(batch)
    }
}

//! `GET /workspaces/{workspace}/watch` and `watch-ws`.

use super::Workspace;
use crate::{
    api::{
        events::{self, ServerSentEvent},
        workspace_agents::Look,
    },
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
    Error, event::Topic, id::WorkspaceId, rbac::Subject, service::workspaces::Workspaces,
};

const ROUTE: &str = "/api/v2/workspaces/{workspace}/watch-ws";

/// Workspace changes as server-sent events
#[utoipa::path(
    get, path = "/workspaces/{workspace}/watch", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    responses((status = OK, content_type = "text/event-stream", body = Workspace)),
)]
pub(crate) async fn watch_workspace(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
) -> ApiResult<Response> {
    let source = Changes::checked(&state, &auth, workspace, false).await?;
    Ok(events::sse(&state, &auth, Topic::Workspace(workspace), source).await?)
}

/// Workspace changes over a WebSocket
///
/// Each text message is a `ServerSentEvent` of type `data` that holds the whole workspace.
#[utoipa::path(
    get, path = "/workspaces/{workspace}/watch-ws", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    responses((status = SWITCHING_PROTOCOLS, body = ServerSentEvent)),
)]
pub(crate) async fn watch_workspace_ws(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    let source = Changes::checked(&state, &auth, workspace, true).await?;
    Ok(follow(
        &state,
        &auth,
        upgrade,
        ROUTE,
        Topic::Workspace(workspace),
        source,
    ))
}

/// The workspace whenever it looks different.
struct Changes {
    state: AppState,
    workspace: WorkspaceId,
    /// Whether messages are wrapped as events.
    wrapped: bool,
    last: String,
}

impl Changes {
    /// What may not be seen is refused before anything is streamed.
    async fn checked(
        state: &AppState,
        auth: &Auth,
        workspace: WorkspaceId,
        wrapped: bool,
    ) -> Result<Self, Error> {
        Workspaces::new(state.deps.clone())
            .get(auth.subject(), workspace, true)
            .await?;
        Ok(Self {
            state: state.clone(),
            workspace,
            wrapped,
            last: String::new(),
        })
    }
}

#[async_trait]
impl Source for Changes {
    async fn next(&mut self, subject: &Subject) -> Result<Batch, Error> {
        let workspaces = Workspaces::new(self.state.deps.clone());
        let found = workspaces.get(subject, self.workspace, true).await?;
        let deleted = found.workspace().deleted;
        let look = Look::new(&self.state);
        let view = Workspace::new(found, subject.user_id, &look);
        let text = events::text(&view, self.wrapped)?;
        let messages = if text == self.last {
            Vec::new()
        } else {
            vec![text.clone()]
        };
        self.last = text;
        Ok(Batch {
            messages,
            then: if deleted { Then::End } else { Then::Wait },
        })
    }
}

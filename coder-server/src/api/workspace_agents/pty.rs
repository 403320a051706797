//! `GET /workspaceagents/{workspaceagent}/pty`.

use super::{access::Access, pty_stream::PtyStream};
use crate::{
    app_state::AppState,
    http::{
        ApiError, ApiResult,
        extract::{Auth, Path, Query},
        follow::{Upgrade, accept},
    },
};
use axum::{extract::State, response::Response};
use coder_agent::{
    reconnecting_pty::{Backend, DEFAULT_SIZE, MAX_REQUEST_BYTES, ReconnectingPtyInit},
    tunnel::port,
};
use coder_core::{Error, id::WorkspaceAgentId, rbac::Action};
use http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

const ROUTE: &str = "/api/v2/workspaceagents/{workspaceagent}/pty";

/// Which terminal.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PtyQuery {
    /// Id of the terminal, chosen at random by the client. The same one goes on with the same terminal.
    reconnect: Uuid,
    /// Rows.
    #[serde(default = "default_size")]
    #[param(default = 80)]
    height: u16,
    /// Columns.
    #[serde(default = "default_size")]
    #[param(default = 80)]
    width: u16,
    /// What to run; without it the login shell. Counts only for a terminal that is not there yet.
    #[serde(default)]
    command: String,
    /// The container to run it in.
    #[serde(default)]
    container: String,
    /// Who it runs as in the container.
    #[serde(default)]
    container_user: String,
    /// `buffered`, which is the default: the agent keeps the terminal. `screen`: the program `screen` does,
    /// where it is installed.
    #[serde(default)]
    #[param(value_type = String)]
    backend_type: Backend,
    /// Whether binary messages are what was typed, as it is, instead of JSON.
    #[serde(default)]
    raw: bool,
}

const fn default_size() -> u16 {
    DEFAULT_SIZE
}

/// A terminal on an agent
///
/// A WebSocket. The client sends JSON objects, in text or binary messages of at most 1 MiB: `{"data": "ls\r"}`
/// types text, `{"bytes": "…"}` types any bytes, in Base64, `{"height": 24, "width": 80}` sets the size. With
/// `raw=true` a binary message is what was typed, as it is. It receives the terminal's output in binary
/// messages, first the end of what was there before.
///
/// The terminal lives on when the client leaves, and when the server is started anew: who connects within
/// 5 minutes with the same `reconnect` goes on with it. The close code says whether to: 1000 when its program
/// has ended, 1008 when the permission has; after any other, or none, connect again.
///
/// 502, 503 or 504 when the agent cannot be reached.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/pty", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:ssh"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent"), PtyQuery),
    responses((status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn workspace_agent_pty(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
    Query(query): Query<PtyQuery>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    let access = Access::ask(&state, &auth, agent, &[Action::Ssh]).await?;
    let upgrade = accept(upgrade, MAX_REQUEST_BYTES)?;
    let raw = query.raw;
    let first = init(query)
        .encode()
        .map_err(|error| Error::invalid_field("command", error.message()))?;
    let mut opened = access.open(port::RECONNECTING_PTY).await?;
    let sent = async {
        opened.write_all(&first).await?;
        opened.flush().await
    };
    sent.await.map_err(|error| {
        ApiError::new(StatusCode::BAD_GATEWAY, "The agent broke off.")
            .with_detail(error.to_string())
    })?;
    let open = state.metrics.websocket(ROUTE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let stream = PtyStream {
            socket,
            agent: opened,
            raw,
        };
        let (tasks, shutdown) = (state.tasks.clone(), state.shutdown.clone());
        tasks.track_future(stream.run(&access, &shutdown)).await;
        drop(open);
    }))
}

fn init(query: PtyQuery) -> ReconnectingPtyInit {
    ReconnectingPtyInit {
        id: query.reconnect,
        height: query.height,
        width: query.width,
        command: query.command,
        container: query.container,
        container_user: query.container_user,
        backend_type: query.backend_type,
    }
}

//! `GET /workspaceagents/{workspaceagent}/logs` and its older name.

use super::WorkspaceAgentLog;
use crate::{
    api::provisioner_jobs::LogQuery,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path, Query},
        follow::{Batch, Source, Then, Upgrade, follow},
    },
};
use async_trait::async_trait;
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use coder_core::{
    Error, event::Topic, id::WorkspaceAgentId, rbac::Subject, service::agents::Agents,
    workspace_agent::AgentLog,
};
use http::header;
use std::fmt::Write as _;

const ROUTE: &str = "/api/v2/workspaceagents/{workspaceagent}/logs";
/// Lines read at once while following: what a reader who does not read holds up.
const BATCH: u32 = 64;

/// Log lines of an agent
///
/// With `follow` a WebSocket with an array of lines per text message, closed when the workspace has a
/// newer build or the log is full.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/logs", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent"), LogQuery),
    responses((status = OK, body = Vec<WorkspaceAgentLog>), (status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn workspace_agent_logs(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
    Query(query): Query<LogQuery>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    Ok(logs(&state, &auth, agent, &query, upgrade).await?)
}

/// Log lines of an agent (older name)
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/startup-logs", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent"), LogQuery),
    responses((status = OK, body = Vec<WorkspaceAgentLog>), (status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn workspace_agent_startup_logs(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
    Query(query): Query<LogQuery>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    Ok(logs(&state, &auth, agent, &query, upgrade).await?)
}

async fn logs(
    state: &AppState,
    auth: &Auth,
    agent: WorkspaceAgentId,
    query: &LogQuery,
    upgrade: Upgrade,
) -> Result<Response, Error> {
    let (after, before) = query.range()?;
    let text = query.is_text()?;
    let agents = Agents::new(state.deps.clone());
    if query.follows() {
        // What may not be seen is refused before the upgrade.
        agents.logs(auth.subject(), agent, 0, None, 1).await?;
        let source = Lines {
            agents,
            agent,
            after,
        };
        return Ok(follow(
            state,
            auth,
            upgrade,
            ROUTE,
            Topic::Agent(agent),
            source,
        ));
    }
    let (lines, _) = agents.logs(auth.subject(), agent, after, before, 0).await?;
    if text {
        return Ok((
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            plain(&lines),
        )
            .into_response());
    }
    let lines: Vec<_> = lines.into_iter().map(WorkspaceAgentLog::from).collect();
    Ok(Json(lines).into_response())
}

fn plain(lines: &[AgentLog]) -> String {
    let mut text = String::new();
    for line in lines {
        let time = line
            .created_at
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{time} [{}] {}", line.level, line.output);
    }
    text
}

struct Lines {
    agents: Agents,
    agent: WorkspaceAgentId,
    after: i64,
}

#[async_trait]
impl Source for Lines {
    async fn next(&mut self, subject: &Subject) -> Result<Batch, Error> {
        let read = self
            .agents
            .logs(subject, self.agent, self.after, None, BATCH);
        let (lines, active) = read.await?;
        let full = lines.len() == BATCH as usize;
        self.after = lines.last().map_or(self.after, |line| line.id);
        let lines: Vec<_> = lines.into_iter().map(WorkspaceAgentLog::from).collect();
        let failed = |error| Error::internal("write JSON").with_source(error);
        Ok(Batch {
            messages: if lines.is_empty() {
                Vec::new()
            } else {
                vec![serde_json::to_string(&lines).map_err(failed)?]
            },
            then: match (full, active) {
                (true, _) => Then::More,
                (false, true) => Then::Wait,
                (false, false) => Then::End,
            },
        })
    }
}

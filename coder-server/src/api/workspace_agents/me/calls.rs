//! The plain HTTP calls of agents. Their bodies are the types of [`coder_agent::protocol`].

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{AgentAuth, Json},
    },
    rpc::agent::AgentCalls,
};
use axum::extract::State;
use coder_agent::protocol::{
    LifecycleReport, LogSource, Manifest, PatchLogs, PostLogSourceRequest, ReportAppHealth,
    ReportConnection, ReportMetadata, ResourcesMonitoringConfiguration, ResourcesMonitoringUsage,
    ScriptCompleted, Startup, Stats, StatsResponse,
};
use http::StatusCode;

pub(super) fn calls(state: &AppState, agent: AgentAuth) -> AgentCalls {
    AgentCalls::new(state, agent.0)
}

/// What to do
#[utoipa::path(
    get, path = "/workspaceagents/me/manifest", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    responses((status = OK, body = Object, description = "`Manifest` of the agent protocol")),
)]
pub(super) async fn agent_manifest(
    agent: AgentAuth,
    State(state): State<AppState>,
) -> ApiResult<Json<Manifest>> {
    Ok(Json(calls(&state, agent).manifest().await?))
}

/// The agent runs: its version, and where its sessions start
#[utoipa::path(
    post, path = "/workspaceagents/me/startup", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`Startup` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_startup(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<Startup>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).report_startup(body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The agent reached a state
///
/// A state that does not move forward is accepted and ignored.
#[utoipa::path(
    post, path = "/workspaceagents/me/report-lifecycle", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`LifecycleReport` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_report_lifecycle(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<LifecycleReport>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).report_lifecycle(body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Append lines of one source
///
/// 413 once the agent's log of 1 MiB is full: more is not worth sending.
#[utoipa::path(
    patch, path = "/workspaceagents/me/logs", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`PatchLogs` of the agent protocol"),
    responses((status = OK, body = Response)),
)]
pub(super) async fn agent_patch_logs(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<PatchLogs>,
) -> ApiResult<Json<Response>> {
    calls(&state, agent).patch_logs(body).await?;
    Ok(Json(Response::message("The lines are stored.")))
}

/// Name a source of lines
///
/// Asking again with the same id changes nothing.
#[utoipa::path(
    post, path = "/workspaceagents/me/log-source", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`PostLogSourceRequest` of the agent protocol"),
    responses((status = OK, body = Object, description = "`LogSource` of the agent protocol")),
)]
pub(super) async fn agent_post_log_source(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<PostLogSourceRequest>,
) -> ApiResult<Json<LogSource>> {
    Ok(Json(calls(&state, agent).post_log_source(body).await?))
}

/// The newest metadata values
///
/// Unknown keys are ignored; 2,048 bytes of each value and error are kept.
#[utoipa::path(
    post, path = "/workspaceagents/me/metadata", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`ReportMetadata` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_report_metadata(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<ReportMetadata>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).report_metadata(body)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A script ended
#[utoipa::path(
    post, path = "/workspaceagents/me/script-completed", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`ScriptCompleted` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_script_completed(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<ScriptCompleted>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).script_completed(body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Apps became healthy or unhealthy
#[utoipa::path(
    post, path = "/workspaceagents/me/app-health", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`ReportAppHealth` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_report_app_health(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<ReportAppHealth>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).report_app_health(body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Use since the last report
#[utoipa::path(
    post, path = "/workspaceagents/me/report-stats", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`Stats` of the agent protocol"),
    responses((status = OK, body = Object, description = "`StatsResponse` of the agent protocol")),
)]
pub(super) async fn agent_report_stats(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<Stats>,
) -> ApiResult<Json<StatsResponse>> {
    Ok(Json(calls(&state, agent).report_stats(body)?))
}

/// Somebody connected to the workspace, or is gone
#[utoipa::path(
    post, path = "/workspaceagents/me/report-connection", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`ReportConnection` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_report_connection(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<ReportConnection>,
) -> ApiResult<StatusCode> {
    calls(&state, agent).report_connection(body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which resources to measure
#[utoipa::path(
    get, path = "/workspaceagents/me/resources-monitoring-configuration", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    responses((status = OK, body = Object,
               description = "`ResourcesMonitoringConfiguration` of the agent protocol")),
)]
pub(super) async fn agent_resources_monitoring_configuration(
    agent: AgentAuth,
    State(state): State<AppState>,
) -> ApiResult<Json<ResourcesMonitoringConfiguration>> {
    let calls = calls(&state, agent);
    Ok(Json(calls.resources_monitoring_configuration().await?))
}

/// What was measured of them
#[utoipa::path(
    post, path = "/workspaceagents/me/resources-monitoring-usage", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    request_body(content = Object, description = "`ResourcesMonitoringUsage` of the agent protocol"),
    responses((status = NO_CONTENT)),
)]
pub(super) async fn agent_resources_monitoring_usage(
    agent: AgentAuth,
    State(state): State<AppState>,
    Json(body): Json<ResourcesMonitoringUsage>,
) -> ApiResult<StatusCode> {
    let calls = calls(&state, agent);
    calls.push_resources_monitoring_usage(body).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! What can be changed on a workspace without building it.

use super::{Workspace, create::updates};
use crate::{
    api::workspace_agents::Look,
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use coder_core::{id::WorkspaceId, service::workspaces::Workspaces};
use http::StatusCode;

/// A new name.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceRequest {
    /// Absent to keep it.
    name: Option<String>,
}

/// Rename a workspace
#[utoipa::path(
    patch, path = "/workspaces/{workspace}", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = UpdateWorkspaceRequest,
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn rename_workspace(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<UpdateWorkspaceRequest>,
) -> ApiResult<StatusCode> {
    let workspaces = Workspaces::new(state.deps.clone());
    match request.name.filter(|name| !name.is_empty()) {
        Some(name) => workspaces.rename(auth.subject(), workspace, &name).await?,
        None => drop(workspaces.get(auth.subject(), workspace, false).await?),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A start schedule.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceAutostartRequest {
    /// Cron text; null or empty for none.
    schedule: Option<String>,
}

/// Set or clear the start schedule
#[utoipa::path(
    put, path = "/workspaces/{workspace}/autostart", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = UpdateWorkspaceAutostartRequest,
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn put_workspace_autostart(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<UpdateWorkspaceAutostartRequest>,
) -> ApiResult<StatusCode> {
    let workspaces = Workspaces::new(state.deps.clone());
    let schedule = request.schedule.as_deref();
    workspaces
        .set_autostart(auth.subject(), workspace, schedule)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A time until the stop.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceTTLRequest {
    /// Milliseconds, a minute to 30 days; null or 0 for never.
    ttl_ms: Option<i64>,
}

/// Set or clear the time until the stop
///
/// It holds from the next start on.
#[utoipa::path(
    put, path = "/workspaces/{workspace}/ttl", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = UpdateWorkspaceTTLRequest,
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn put_workspace_ttl(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<UpdateWorkspaceTTLRequest>,
) -> ApiResult<StatusCode> {
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .set_ttl(auth.subject(), workspace, request.ttl_ms)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a start updates.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceAutomaticUpdatesRequest {
    /// `always` or `never`.
    automatic_updates: String,
}

/// Choose whether a start moves to the active version
#[utoipa::path(
    put, path = "/workspaces/{workspace}/autoupdates", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = UpdateWorkspaceAutomaticUpdatesRequest,
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn put_workspace_autoupdates(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<UpdateWorkspaceAutomaticUpdatesRequest>,
) -> ApiResult<StatusCode> {
    let chosen = updates("automatic_updates", Some(&request.automatic_updates))?;
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .set_automatic_updates(auth.subject(), workspace, chosen)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new deadline.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct PutExtendWorkspaceRequest {
    /// At least 30 minutes ahead and not after `max_deadline`.
    deadline: DateTime<Utc>,
}

/// Move the stop deadline
#[utoipa::path(
    put, path = "/workspaces/{workspace}/extend", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = PutExtendWorkspaceRequest,
    responses((status = OK, body = Response)),
)]
pub(crate) async fn put_workspace_extend(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<PutExtendWorkspaceRequest>,
) -> ApiResult<Json<Response>> {
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .extend(auth.subject(), workspace, request.deadline)
        .await?;
    Ok(Json(Response::message("The deadline was moved.")))
}

/// Whether it sleeps.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateWorkspaceDormancy {
    dormant: bool,
}

/// Make dormant or wake up
#[utoipa::path(
    put, path = "/workspaces/{workspace}/dormant", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = UpdateWorkspaceDormancy,
    responses((status = OK, body = Workspace)),
)]
pub(crate) async fn put_workspace_dormant(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Json(request): Json<UpdateWorkspaceDormancy>,
) -> ApiResult<Json<Workspace>> {
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .set_dormant(auth.subject(), workspace, request.dormant)
        .await?;
    let found = workspaces.get(auth.subject(), workspace, false).await?;
    let look = Look::new(&state);
    Ok(Json(Workspace::new(found, auth.user_id(), &look)))
}

/// Pin a workspace
#[utoipa::path(
    put, path = "/workspaces/{workspace}/favorite", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn favorite_workspace(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
) -> ApiResult<StatusCode> {
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .set_favorite(auth.subject(), workspace, true)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unpin a workspace
#[utoipa::path(
    delete, path = "/workspaces/{workspace}/favorite", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:update"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    responses((status = NO_CONTENT)),
)]
pub(crate) async fn unfavorite_workspace(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
) -> ApiResult<StatusCode> {
    let workspaces = Workspaces::new(state.deps.clone());
    workspaces
        .set_favorite(auth.subject(), workspace, false)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

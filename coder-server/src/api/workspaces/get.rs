//! `GET /workspaces/{workspace}` and by owner and name.

use super::Workspace;
use crate::{
    api::{find, workspace_agents::Look},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path, Query},
    },
};
use axum::extract::State;
use coder_core::{id::WorkspaceId, service::workspaces::Workspaces};

/// Which ones are meant.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeletedQuery {
    /// Deleted ones too.
    #[serde(default)]
    include_deleted: bool,
}

/// One workspace
#[utoipa::path(
    get, path = "/workspaces/{workspace}", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace"), DeletedQuery),
    responses((status = OK, body = Workspace)),
)]
pub(crate) async fn get_workspace(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Query(query): Query<DeletedQuery>,
) -> ApiResult<Json<Workspace>> {
    let workspaces = Workspaces::new(state.deps.clone());
    let found = workspaces
        .get(auth.subject(), workspace, query.include_deleted)
        .await?;
    let look = Look::new(&state);
    Ok(Json(Workspace::new(found, auth.user_id(), &look)))
}

/// A workspace by owner and name
#[utoipa::path(
    get, path = "/users/{user}/workspace/{workspacename}", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(
        ("user" = String, Path, description = "Id, username or `me`"),
        ("workspacename" = String, Path, description = "Name of the workspace"),
        DeletedQuery,
    ),
    responses((status = OK, body = Workspace)),
)]
pub(crate) async fn get_workspace_by_name(
    auth: Auth,
    State(state): State<AppState>,
    Path((user, name)): Path<(String, String)>,
    Query(query): Query<DeletedQuery>,
) -> ApiResult<Json<Workspace>> {
    let owner = find::owner(&state, auth.subject(), &user).await?;
    let workspaces = Workspaces::new(state.deps.clone());
    let found = workspaces
        .by_name(auth.subject(), owner, &name, query.include_deleted)
        .await?;
    let look = Look::new(&state);
    Ok(Json(Workspace::new(found, auth.user_id(), &look)))
}

//! `GET /workspaces`.

use super::{Workspace, WorkspacesResponse};
use crate::{
    api::{find, workspace_agents::Look},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Pagination, Query},
    },
};
use axum::extract::State;
use coder_core::{
    ErrorKind,
    search::{self, WorkspaceContext},
    service::{agents::INACTIVE_AFTER_MS, workspaces::Workspaces},
};

/// Workspaces answered when no limit is given, and at most.
const MAX_WORKSPACES: u32 = 1_000;

/// What is searched for.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Terms like `owner:me status:running name:dev`.
    #[serde(default)]
    q: String,
}

/// Search and page workspaces
///
/// Favourites first, then running ones, then by owner and name.
#[utoipa::path(
    get, path = "/workspaces", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(SearchQuery, Pagination),
    responses((status = OK, body = WorkspacesResponse)),
)]
pub(crate) async fn list_workspaces(
    auth: Auth,
    State(state): State<AppState>,
    Query(query): Query<SearchQuery>,
    pagination: Pagination,
) -> ApiResult<Json<WorkspacesResponse>> {
    let look = Look::new(&state);
    let context = WorkspaceContext {
        requester: auth.user_id(),
        now: look.now,
        agent_inactive_after_ms: INACTIVE_AFTER_MS,
    };
    let mut search = search::workspaces(&query.q, &context)?;
    if let Some(name) = &search.organization {
        match find::organization(&state, auth.subject(), name).await {
            Ok(id) => search.filter.organization_id = Some(id),
            // A name that nobody bears matches nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Json(WorkspacesResponse {
                    workspaces: Vec::new(),
                    count: 0,
                }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut page = pagination.page();
    page.limit = if page.limit == 0 {
        MAX_WORKSPACES
    } else {
        page.limit.min(MAX_WORKSPACES)
    };
    let workspaces = Workspaces::new(state.deps.clone());
    let (found, count) = workspaces
        .list(auth.subject(), &search.filter, page)
        .await?;
    let found = found.into_iter();
    Ok(Json(WorkspacesResponse {
        workspaces: found
            .map(|one| Workspace::new(one, auth.user_id(), &look))
            .collect(),
        count,
    }))
}

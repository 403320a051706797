//! `GET /workspaces/{workspace}/builds`.

use super::WorkspaceBuild;
use crate::{
    api::workspace_agents::Look,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Pagination, Path, Query},
    },
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use coder_core::{
    Error,
    id::{WorkspaceBuildId, WorkspaceId},
    service::builds::Builds,
    store::Page,
};

/// Builds answered when no limit is given, and at most.
const MAX_BUILDS: u32 = 1_000;

/// From when on.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SinceQuery {
    /// Only builds made after this time, RFC 3339.
    since: Option<String>,
}

/// Builds of a workspace, newest first
#[utoipa::path(
    get, path = "/workspaces/{workspace}/builds", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace"), SinceQuery, Pagination),
    responses((status = OK, body = Vec<WorkspaceBuild>)),
)]
pub(crate) async fn list_workspace_builds(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    Query(query): Query<SinceQuery>,
    pagination: Pagination,
) -> ApiResult<Json<Vec<WorkspaceBuild>>> {
    let since = match query.since.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => {
            let refused =
                |_| Error::invalid_field("since", "must be a time like 2026-01-02T15:04:05Z");
            Some(
                DateTime::parse_from_rfc3339(text)
                    .map_err(refused)?
                    .with_timezone(&Utc),
            )
        }
        None => None,
    };
    let builds = Builds::new(state.deps.clone());
    let look = Look::new(&state);
    let mut page = pagination.page();
    page.limit = if page.limit == 0 {
        MAX_BUILDS
    } else {
        page.limit.min(MAX_BUILDS)
    };
    if let Some(after) = pagination.after_id {
        // Where the cursor is, so many newer builds there are.
        let cursor = builds.get(auth.subject(), WorkspaceBuildId(after)).await?;
        if cursor.build.workspace_id != workspace {
            return Err(Error::not_found().into());
        }
        page = Page { offset: 0, ..page };
        let all = builds
            .list(auth.subject(), workspace, since, Page::ALL)
            .await?;
        let older = all
            .into_iter()
            .filter(|one| one.build.build_number < cursor.build.build_number);
        let part = page.apply(older);
        return Ok(Json(
            part.into_iter()
                .map(|one| WorkspaceBuild::new(one, &look))
                .collect(),
        ));
    }
    let found = builds.list(auth.subject(), workspace, since, page).await?;
    Ok(Json(
        found
            .into_iter()
            .map(|one| WorkspaceBuild::new(one, &look))
            .collect(),
    ))
}

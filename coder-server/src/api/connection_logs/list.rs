//! `GET /connectionlog`.

use super::types::{ConnectionLog, ConnectionLogResponse};
use crate::{
    api::find,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Pagination, Query},
    },
};
use axum::extract::State;
use coder_core::{ErrorKind, search, service::connection_logs::ConnectionLogs};

/// Entries answered when no limit is given, and at most.
const MAX_ENTRIES: u32 = 1_000;

/// What is searched for.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectionLogQuery {
    /// Terms like `workspace_owner:ann type:ssh status:ongoing`; further keys: `workspace`, `workspace_id`,
    /// `connection_id`, `organization`, `connected_after`, `connected_before`.
    #[serde(default)]
    q: String,
}

/// Search the record of connections to workspaces
///
/// The newest first. Owners and auditors may look.
#[utoipa::path(
    get, path = "/connectionlog", tag = "Enterprise",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("connection_log:read"))),
    params(ConnectionLogQuery, Pagination),
    responses((status = OK, body = ConnectionLogResponse)),
)]
pub(crate) async fn list_connection_logs(
    auth: Auth,
    State(state): State<AppState>,
    Query(query): Query<ConnectionLogQuery>,
    pagination: Pagination,
) -> ApiResult<Json<ConnectionLogResponse>> {
    let mut search = search::connection_logs(&query.q, auth.user_id())?;
    let mut page = pagination.page();
    page.limit = if page.limit == 0 {
        MAX_ENTRIES
    } else {
        page.limit.min(MAX_ENTRIES)
    };
    let mut known = true;
    if let Some(name) = &search.organization {
        match find::organization(&state, auth.subject(), name).await {
            Ok(id) => search.filter.organization_id = Some(id),
            // A name that nobody bears matches nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => known = false,
            Err(error) => return Err(error.into()),
        }
    }
    let logs = ConnectionLogs::new(state.deps.clone());
    let (found, count) = logs.list(auth.subject(), &search.filter, page).await?;
    let (found, count) = if known {
        (found, count)
    } else {
        (Vec::new(), 0)
    };
    Ok(Json(ConnectionLogResponse {
        connection_logs: found.into_iter().map(ConnectionLog::from).collect(),
        count,
        count_cap: 0,
    }))
}

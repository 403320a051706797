//! `GET /users`.

use super::types::User;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Pagination, Query},
    },
};
use axum::extract::State;
use coder_core::{search, service::users, store::Page};

/// A search.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// For example `status:active role:owner ann`.
    #[serde(default)]
    #[param(required = false)]
    q: String,
}

/// A part of the accounts.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct GetUsersResponse {
    users: Vec<User>,
    /// How many match in all.
    count: u64,
}

/// Search and page users
#[utoipa::path(
    get, path = "/users", tag = "Users", params(Search, Pagination),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read"))),
    responses((status = OK, body = GetUsersResponse)),
)]
pub(crate) async fn list_users(
    auth: Auth,
    State(state): State<AppState>,
    Query(search): Query<Search>,
    pagination: Pagination,
) -> ApiResult<Json<GetUsersResponse>> {
    let search = search::users(&search.q)?;
    // A cursor is looked for in the whole list; without one the store takes the part.
    let cursor = pagination.after_id.is_some();
    let page = if cursor { Page::ALL } else { pagination.page() };
    let (users, count) = users::list(&state.deps, auth.subject(), &search.filter, page).await?;
    let users = if cursor {
        pagination.apply(users, |found| found.user.id.into())
    } else {
        users
    };
    let users = users.into_iter().map(User::from).collect();
    Ok(Json(GetUsersResponse { users, count }))
}

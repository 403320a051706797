//! `GET /organizations/{organization}/provisionerjobs`.

use super::ProvisionerJob;
use crate::{
    api::{find, lists},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path, Query},
    },
};
use axum::extract::State;
use coder_core::{
    id::ProvisionerJobId, provisioner_job::JobFilter, service::jobs::Jobs, store::Page,
};

/// What the list is narrowed to.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// Most jobs to give.
    limit: Option<u32>,
    /// Any of these ids, separated by commas.
    ids: Option<String>,
    /// Any of these states, separated by commas.
    status: Option<String>,
    /// Holding all of these tags, a JSON object of strings.
    tags: Option<String>,
    /// Asked for by this user: an id, a username or `me`.
    initiator: Option<String>,
}

/// Provisioner jobs of an organization, newest first
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerjobs", tag = "Organizations",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_jobs:read"))),
    params(("organization" = String, Path, description = "Id, name or `default`"), JobsQuery),
    responses((status = OK, body = Vec<ProvisionerJob>)),
)]
pub(crate) async fn list_provisioner_jobs(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    Query(query): Query<JobsQuery>,
) -> ApiResult<Json<Vec<ProvisionerJob>>> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let initiator_id = match &query.initiator {
        Some(name) => Some(find::user(&state, auth.subject(), name).await?),
        None => None,
    };
    let filter = JobFilter {
        ids: lists::words::<ProvisionerJobId>("ids", query.ids.as_deref())?,
        status: lists::words("status", query.status.as_deref())?,
        tags: lists::tags(query.tags.as_deref())?,
        initiator_id,
    };
    let page = Page {
        offset: 0,
        limit: lists::limit(query.limit),
    };
    let jobs = Jobs::new(state.deps.clone());
    let found = jobs
        .list(auth.subject(), organization, &filter, page)
        .await?;
    Ok(Json(found.into_iter().map(ProvisionerJob::from).collect()))
}

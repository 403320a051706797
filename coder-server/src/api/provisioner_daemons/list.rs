//! `GET /organizations/{organization}/provisionerdaemons`.

use super::ProvisionerDaemon;
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
    id::ProvisionerDaemonId,
    service::daemons::{DaemonFilter, Daemons},
};

/// What the list is narrowed to.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DaemonsQuery {
    /// Most daemons to give.
    limit: Option<u32>,
    /// Any of these ids, separated by commas.
    ids: Option<String>,
    /// Any of `offline`, `idle` and `busy`, separated by commas.
    status: Option<String>,
    /// Holding all of these tags, a JSON object of strings.
    tags: Option<String>,
}

/// Known provisioner daemons with what they do, newest first
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerdaemons", tag = "Provisioning",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_daemon:read"))),
    params(("organization" = String, Path, description = "Id, name or `default`"), DaemonsQuery),
    responses((status = OK, body = Vec<ProvisionerDaemon>)),
)]
pub(crate) async fn list_provisioner_daemons(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    Query(query): Query<DaemonsQuery>,
) -> ApiResult<Json<Vec<ProvisionerDaemon>>> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let filter = DaemonFilter {
        ids: lists::words::<ProvisionerDaemonId>("ids", query.ids.as_deref())?,
        status: lists::words("status", query.status.as_deref())?,
        tags: lists::tags(query.tags.as_deref())?,
    };
    let daemons = Daemons::new(state.deps.clone());
    let found = daemons.list(auth.subject(), organization).await?;
    let found = found
        .into_iter()
        .rev()
        .filter(|found| filter.matches(found));
    let found = found.take(lists::limit(query.limit) as usize);
    Ok(Json(found.map(ProvisionerDaemon::from).collect()))
}

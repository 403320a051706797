//! `GET /organizations/{organization}/provisionerjobs/{job}`.

use super::ProvisionerJob;
use crate::{
    api::find,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::ProvisionerJobId, service::jobs::Jobs};

/// One provisioner job
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerjobs/{job}", tag = "Organizations",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner_jobs:read"))),
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("job" = Uuid, Path, description = "Id of the job"),
    ),
    responses((status = OK, body = ProvisionerJob)),
)]
pub(crate) async fn get_provisioner_job(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, job)): Path<(String, ProvisionerJobId)>,
) -> ApiResult<Json<ProvisionerJob>> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let jobs = Jobs::new(state.deps.clone());
    Ok(Json(
        jobs.get(auth.subject(), organization, job).await?.into(),
    ))
}

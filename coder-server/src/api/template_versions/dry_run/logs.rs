//! `GET /templateversions/{templateversion}/dry-run/{jobID}/logs`.

use crate::{
    api::provisioner_jobs::{JobLogs, LogQuery, ProvisionerJobLog, log_response},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path, Query},
        follow::Upgrade,
    },
};
use async_trait::async_trait;
use axum::{extract::State, response::Response};
use coder_core::{
    Error,
    id::{ProvisionerJobId, TemplateVersionId},
    provisioner_job::JobLog,
    rbac::Subject,
    service::{Deps, template_versions},
};

const ROUTE: &str = "/api/v2/templateversions/{templateversion}/dry-run/{jobID}/logs";

/// Log lines of a dry run
///
/// With `follow` a WebSocket with one line per text message, closed when the dry run has ended.
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/dry-run/{jobID}/logs", tag = "Templates",
    params(
        ("templateversion" = uuid::Uuid, Path, description = "Id of the version"),
        ("jobID" = uuid::Uuid, Path, description = "Id of the dry run's job"),
        LogQuery,
    ),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:read"))),
    responses((status = OK, body = Vec<ProvisionerJobLog>), (status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn template_version_dry_run_logs(
    auth: Auth,
    State(state): State<AppState>,
    Path((version, job)): Path<(TemplateVersionId, ProvisionerJobId)>,
    Query(query): Query<LogQuery>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    let logs = DryRunLogs {
        deps: state.deps.clone(),
        version,
        job,
    };
    Ok(log_response(&state, &auth, upgrade, (ROUTE, job), &query, logs).await?)
}

struct DryRunLogs {
    deps: Deps,
    version: TemplateVersionId,
    job: ProvisionerJobId,
}

#[async_trait]
impl JobLogs for DryRunLogs {
    async fn read(
        &self,
        subject: &Subject,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<JobLog>, bool), Error> {
        let (job, range) = ((self.version, self.job), (after, before));
        template_versions::dry_run_logs(&self.deps, subject, job, range, limit).await
    }
}

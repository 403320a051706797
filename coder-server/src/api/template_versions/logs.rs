//! `GET /templateversions/{templateversion}/logs`.

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
    id::TemplateVersionId,
    provisioner_job::JobLog,
    rbac::Subject,
    service::{Deps, template_versions},
};

const ROUTE: &str = "/api/v2/templateversions/{templateversion}/logs";

/// Log lines of an import
///
/// With `follow` a WebSocket with one line per text message, closed when the import has ended.
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/logs", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version"), LogQuery),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<ProvisionerJobLog>), (status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn template_version_logs(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
    Query(query): Query<LogQuery>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    let found = template_versions::get(&state.deps, auth.subject(), id).await?;
    let job = found.version.job_id;
    let logs = ImportLogs {
        deps: state.deps.clone(),
        id,
    };
    Ok(log_response(&state, &auth, upgrade, (ROUTE, job), &query, logs).await?)
}

struct ImportLogs {
    deps: Deps,
    id: TemplateVersionId,
}

#[async_trait]
impl JobLogs for ImportLogs {
    async fn read(
        &self,
        subject: &Subject,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<JobLog>, bool), Error> {
        template_versions::logs(&self.deps, subject, self.id, after, before, limit).await
    }
}

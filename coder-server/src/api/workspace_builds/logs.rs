//! `GET /workspacebuilds/{workspacebuild}/logs`.

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
    Error, id::WorkspaceBuildId, provisioner_job::JobLog, rbac::Subject, service::builds::Builds,
};

const ROUTE: &str = "/api/v2/workspacebuilds/{workspacebuild}/logs";

/// Log lines of a build
///
/// With `follow` a WebSocket with one line per text message, closed when the build has ended.
#[utoipa::path(
    get, path = "/workspacebuilds/{workspacebuild}/logs", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:read"))),
    params(("workspacebuild" = Uuid, Path, description = "Id of the build"), LogQuery),
    responses((status = OK, body = Vec<ProvisionerJobLog>), (status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn workspace_build_logs(
    auth: Auth,
    State(state): State<AppState>,
    Path(build): Path<WorkspaceBuildId>,
    Query(query): Query<LogQuery>,
    upgrade: Upgrade,
) -> ApiResult<Response> {
    let builds = Builds::new(state.deps.clone());
    let job = builds.get(auth.subject(), build).await?.build.job_id;
    let logs = BuildLogs { builds, build };
    Ok(log_response(&state, &auth, upgrade, (ROUTE, job), &query, logs).await?)
}

struct BuildLogs {
    builds: Builds,
    build: WorkspaceBuildId,
}

#[async_trait]
impl JobLogs for BuildLogs {
    async fn read(
        &self,
        subject: &Subject,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<JobLog>, bool), Error> {
        self.builds
            .logs(subject, self.build, after, before, limit)
            .await
    }
}

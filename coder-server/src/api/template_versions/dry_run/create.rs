//! `POST /templateversions/{templateversion}/dry-run`.

use crate::{
    api::{provisioner_jobs::ProvisionerJob, workspace_builds::WorkspaceBuildParameter},
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    Error,
    id::TemplateVersionId,
    service::template_versions::{self, NewDryRun},
};
use http::StatusCode;

/// What to imagine.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateTemplateVersionDryRunRequest {
    /// Name of the workspace.
    #[serde(default)]
    workspace_name: String,
    /// Values of parameters.
    #[serde(default)]
    rich_parameter_values: Option<Vec<WorkspaceBuildParameter>>,
    /// Not offered: a version has the values of its variables.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    user_variable_values: Option<Vec<serde_json::Value>>,
}

/// Plan a version with given values
///
/// Answers at once with the queued job; nothing is created.
#[utoipa::path(
    post, path = "/templateversions/{templateversion}/dry-run", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("workspace:create"))),
    request_body = CreateTemplateVersionDryRunRequest,
    responses((status = CREATED, body = ProvisionerJob)),
)]
pub(crate) async fn create_template_version_dry_run(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
    Json(request): Json<CreateTemplateVersionDryRunRequest>,
) -> ApiResult<(StatusCode, Json<ProvisionerJob>)> {
    if request
        .user_variable_values
        .is_some_and(|values| !values.is_empty())
    {
        let detail = "is not offered: a version has the values of its variables";
        return Err(Error::invalid_field("user_variable_values", detail).into());
    }
    let values = request.rich_parameter_values.unwrap_or_default();
    let new = NewDryRun {
        workspace_name: request.workspace_name,
        parameters: values.into_iter().map(Into::into).collect(),
    };
    let job = template_versions::create_dry_run(&state.deps, auth.subject(), id, new).await?;
    Ok((StatusCode::CREATED, Json(job.into())))
}

//! `POST /workspaces/{workspace}/builds`.

use super::{WorkspaceBuild, WorkspaceBuildParameter, state_bytes::StateBytes};
use crate::{
    api::workspace_agents::Look,
    app_state::AppState,
    http::{
        ApiError, ApiResult,
        extract::{Auth, Json, Path, UnreadJson},
    },
};
use axum::extract::State;
use coder_core::{
    Error, ErrorKind,
    id::{TemplateVersionId, TemplateVersionPresetId, WorkspaceId},
    service::builds::{Builds, NewBuild},
    workspace_build::{BuildReason, WorkspaceTransition},
};
use http::StatusCode;

/// A version that is still being imported is 406 here, where elsewhere it is a failed precondition.
pub(crate) fn refused(error: Error) -> ApiError {
    if error.kind() == ErrorKind::NotReady {
        return ApiError::new(StatusCode::NOT_ACCEPTABLE, error.message());
    }
    error.into()
}

/// What is asked for.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateWorkspaceBuildRequest {
    /// `start`, `stop` or `delete`.
    #[schema(value_type = String)]
    transition: WorkspaceTransition,
    /// Built from this version instead of the last one.
    #[schema(value_type = Option<uuid::Uuid>)]
    template_version_id: Option<TemplateVersionId>,
    /// A preset of the version; its values count more than those given one by one.
    #[schema(value_type = Option<uuid::Uuid>)]
    template_version_preset_id: Option<TemplateVersionPresetId>,
    /// Not offered.
    #[serde(default)]
    dry_run: bool,
    /// Terraform state to begin from, base64, of at most 64 MiB; for administrators of the template.
    #[schema(value_type = Option<String>)]
    state: Option<StateBytes>,
    /// Forgets the resources instead of destroying them; for administrators of the template.
    #[serde(default)]
    orphan: bool,
    /// Values of parameters; others keep theirs.
    #[serde(default)]
    rich_parameter_values: Option<Vec<WorkspaceBuildParameter>>,
    /// `debug`; for administrators of the deployment, if the server permits it.
    log_level: Option<String>,
    /// `dashboard`, `cli`, `ssh_connection`, `vscode_connection` or `jetbrains_connection`.
    #[schema(value_type = Option<String>)]
    reason: Option<BuildReason>,
}

/// Start, stop or delete a workspace
///
/// Answers at once with the queued build; 409 while another one is active.
#[utoipa::path(
    post, path = "/workspaces/{workspace}/builds", tag = "Builds",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:start, workspace:stop or workspace:delete"))),
    params(("workspace" = Uuid, Path, description = "Id of the workspace")),
    request_body = CreateWorkspaceBuildRequest,
    responses((status = CREATED, body = WorkspaceBuild)),
)]
pub(crate) async fn create_workspace_build(
    auth: Auth,
    State(state): State<AppState>,
    Path(workspace): Path<WorkspaceId>,
    body: UnreadJson,
) -> ApiResult<(StatusCode, Json<WorkspaceBuild>)> {
    let debug_logs = state.config.provisioner.enable_terraform_debug_mode;
    let builds = Builds::new(state.deps.clone()).with_debug_logs(debug_logs);
    let permitted = body.is_large()
        && builds
            .may_build_from_state(auth.subject(), workspace)
            .await?;
    let (request, _held) = body.read(permitted).await?;
    let request = new_build(request)?;
    let _place = state.place_for_build().await;
    let build = builds
        .create(auth.subject(), workspace, &request)
        .await
        .map_err(refused)?;
    let details = builds.get(auth.subject(), build.id).await?;
    let look = Look::new(&state);
    Ok((
        StatusCode::CREATED,
        Json(WorkspaceBuild::new(details, &look)),
    ))
}

fn new_build(request: CreateWorkspaceBuildRequest) -> Result<NewBuild, Error> {
    if request.dry_run {
        return Err(Error::invalid_field("dry_run", "is not offered"));
    }
    let state = request.state.map(|state| state.0);
    let state = state.filter(|state| !state.is_empty());
    let debug_logs = match request.log_level.as_deref() {
        None | Some("") => false,
        Some("debug") => true,
        Some(_) => return Err(Error::invalid_field("log_level", "must be debug")),
    };
    let reason = match request.reason {
        None => BuildReason::Initiator,
        Some(
            reason @ (BuildReason::Dashboard
            | BuildReason::Cli
            | BuildReason::SshConnection
            | BuildReason::VscodeConnection
            | BuildReason::JetbrainsConnection),
        ) => reason,
        Some(_) => {
            return Err(Error::invalid_field(
                "reason",
                "is given by the platform only",
            ));
        }
    };
    let values = request.rich_parameter_values.unwrap_or_default();
    Ok(NewBuild {
        transition: request.transition,
        template_version_id: request.template_version_id,
        template_version_preset_id: request.template_version_preset_id,
        parameters: values.into_iter().map(Into::into).collect(),
        state,
        orphan: request.orphan,
        debug_logs,
        reason,
    })
}

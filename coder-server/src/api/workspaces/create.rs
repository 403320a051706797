//! `POST /users/{user}/workspaces` and its older path.

use super::Workspace;
use crate::{
    api::{
        find,
        workspace_agents::Look,
        workspace_builds::{WorkspaceBuildParameter, refused},
    },
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    Error,
    id::{OrganizationId, TemplateId, TemplateVersionId, TemplateVersionPresetId, UserId},
    service::workspaces::{NewWorkspace, Workspaces},
    workspace::AutomaticUpdates,
};
use http::StatusCode;

/// What is asked for.
#[derive(serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateWorkspaceRequest {
    /// Made from this template's active version; exactly one of this and `template_version_id`.
    #[schema(value_type = Option<uuid::Uuid>)]
    template_id: Option<TemplateId>,
    /// Made from this version.
    #[schema(value_type = Option<uuid::Uuid>)]
    template_version_id: Option<TemplateVersionId>,
    /// A preset of the version; its values count more than those given one by one.
    #[schema(value_type = Option<uuid::Uuid>)]
    template_version_preset_id: Option<TemplateVersionPresetId>,
    /// 1 to 32 letters and digits with single inner hyphens, unique per owner.
    name: String,
    /// Cron text with an optional `CRON_TZ=<zone>`.
    autostart_schedule: Option<String>,
    /// Milliseconds until it stops, a minute to 30 days; 0 for never, absent for the template's.
    ttl_ms: Option<i64>,
    /// Values of parameters.
    #[serde(default)]
    rich_parameter_values: Option<Vec<WorkspaceBuildParameter>>,
    /// `always` or `never`; never when absent.
    automatic_updates: Option<String>,
}

/// Create a workspace for a user
///
/// Answers at once; the first build is queued.
#[utoipa::path(
    post, path = "/users/{user}/workspaces", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:create"))),
    params(("user" = String, Path, description = "Id, username or `me`")),
    request_body = CreateWorkspaceRequest,
    responses((status = CREATED, body = Workspace)),
)]
pub(crate) async fn create_workspace(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Json(request): Json<CreateWorkspaceRequest>,
) -> ApiResult<(StatusCode, Json<Workspace>)> {
    let owner = find::owner(&state, auth.subject(), &user).await?;
    create(&state, &auth, owner, None, request).await
}

/// Create a workspace for a member (older path)
#[utoipa::path(
    post, path = "/organizations/{organization}/members/{user}/workspaces", tag = "Workspaces",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:create"))),
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, username or `me`"),
    ),
    request_body = CreateWorkspaceRequest,
    responses((status = CREATED, body = Workspace)),
)]
pub(crate) async fn create_workspace_in_organization(
    auth: Auth,
    State(state): State<AppState>,
    Path((organization, user)): Path<(String, String)>,
    Json(request): Json<CreateWorkspaceRequest>,
) -> ApiResult<(StatusCode, Json<Workspace>)> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let owner = find::owner(&state, auth.subject(), &user).await?;
    create(&state, &auth, owner, Some(organization), request).await
}

async fn create(
    state: &AppState,
    auth: &Auth,
    owner_id: UserId,
    organization_id: Option<OrganizationId>,
    request: CreateWorkspaceRequest,
) -> ApiResult<(StatusCode, Json<Workspace>)> {
    let values = request.rich_parameter_values.unwrap_or_default();
    let request = NewWorkspace {
        owner_id,
        organization_id,
        template_id: request.template_id,
        template_version_id: request.template_version_id,
        template_version_preset_id: request.template_version_preset_id,
        name: request.name,
        autostart_schedule: request.autostart_schedule,
        ttl_ms: request.ttl_ms,
        parameters: values.into_iter().map(Into::into).collect(),
        automatic_updates: updates("automatic_updates", request.automatic_updates.as_deref())?,
    };
    let workspaces = Workspaces::new(state.deps.clone());
    let _place = state.place_for_build().await;
    let created = workspaces
        .create(auth.subject(), &request)
        .await
        .map_err(refused)?;
    // Who may create one may not always look at it afterwards, yet sees what was made.
    let details = workspaces.created(created).await?;
    let look = Look::new(state);
    Ok((
        StatusCode::CREATED,
        Json(Workspace::new(details, auth.user_id(), &look)),
    ))
}

pub(super) fn updates(field: &str, text: Option<&str>) -> Result<AutomaticUpdates, Error> {
    let refused = |_| Error::invalid_field(field, "must be always or never");
    match text {
        None | Some("") => Ok(AutomaticUpdates::Never),
        Some(text) => text.parse().map_err(refused),
    }
}

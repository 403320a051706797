//! `POST /organizations/{organization}/templates`.

use super::types::{AutostartRequirement, AutostopRequirement, Template};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    service::templates::{self, NewTemplate, PolicyChange},
    template::{CorsBehavior, SharingLevel},
};
use uuid::Uuid;

/// A template to make from an imported version. What is absent is the default.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct CreateTemplateRequest {
    name: String,
    display_name: String,
    description: String,
    icon: String,
    template_version_id: Uuid,
    default_ttl_ms: Option<i64>,
    activity_bump_ms: Option<i64>,
    time_til_autostop_notify_ms: Option<i64>,
    autostop_requirement: Option<AutostopRequirement>,
    autostart_requirement: Option<AutostartRequirement>,
    allow_user_cancel_workspace_jobs: Option<bool>,
    allow_user_autostart: Option<bool>,
    allow_user_autostop: Option<bool>,
    failure_ttl_ms: Option<i64>,
    dormant_ttl_ms: Option<i64>,
    delete_ttl_ms: Option<i64>,
    require_active_version: bool,
    #[schema(value_type = Option<String>)]
    max_port_share_level: Option<SharingLevel>,
    template_use_classic_parameter_flow: Option<bool>,
    #[schema(value_type = Option<String>)]
    cors_behavior: Option<CorsBehavior>,
    agents_allowed: Option<bool>,
}

impl From<CreateTemplateRequest> for NewTemplate {
    fn from(request: CreateTemplateRequest) -> Self {
        let autostop = request.autostop_requirement.unwrap_or_default();
        let policy = PolicyChange {
            default_ttl_ms: request.default_ttl_ms,
            activity_bump_ms: request.activity_bump_ms,
            time_til_autostop_notify_ms: request.time_til_autostop_notify_ms,
            autostop_days_of_week: autostop.days_of_week,
            autostop_weeks: autostop.weeks,
            autostart_days_of_week: request
                .autostart_requirement
                .and_then(|requirement| requirement.days_of_week),
            allow_user_autostart: request.allow_user_autostart,
            allow_user_autostop: request.allow_user_autostop,
            allow_user_cancel_workspace_jobs: request.allow_user_cancel_workspace_jobs,
            failure_ttl_ms: request.failure_ttl_ms,
            time_til_dormant_ms: request.dormant_ttl_ms,
            time_til_dormant_autodelete_ms: request.delete_ttl_ms,
            require_active_version: Some(request.require_active_version),
            deprecation_message: None,
            max_port_share_level: request.max_port_share_level,
            cors_behavior: request.cors_behavior,
            use_classic_parameter_flow: request.template_use_classic_parameter_flow,
            agents_allowed: request.agents_allowed,
            disable_module_cache: None,
        };
        Self {
            name: request.name,
            display_name: request.display_name,
            description: request.description,
            icon: request.icon,
            version_id: request.template_version_id.into(),
            policy,
        }
    }
}

/// Create a template from an imported version
#[utoipa::path(
    post, path = "/organizations/{organization}/templates", tag = "Templates",
    request_body = CreateTemplateRequest,
    params(("organization" = String, Path, description = "Id, name or `default`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:create"))),
    responses((status = OK, body = Template)),
)]
pub(crate) async fn create_template(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    Json(request): Json<CreateTemplateRequest>,
) -> ApiResult<Json<Template>> {
    let new = request.into();
    let made = templates::create(&state.deps, auth.subject(), &organization, new).await?;
    Ok(Json(made.into()))
}

//! `PATCH /templates/{template}`.

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
    id::TemplateId,
    service::templates::{self, PolicyChange, TemplateChange},
    template::{CorsBehavior, SharingLevel},
};

/// What is given replaces what was.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct UpdateTemplateMeta {
    name: Option<String>,
    display_name: Option<String>,
    description: Option<String>,
    icon: Option<String>,
    default_ttl_ms: Option<i64>,
    activity_bump_ms: Option<i64>,
    time_til_autostop_notify_ms: Option<i64>,
    autostop_requirement: Option<AutostopRequirement>,
    autostart_requirement: Option<AutostartRequirement>,
    allow_user_autostart: Option<bool>,
    allow_user_autostop: Option<bool>,
    allow_user_cancel_workspace_jobs: Option<bool>,
    failure_ttl_ms: Option<i64>,
    time_til_dormant_ms: Option<i64>,
    time_til_dormant_autodelete_ms: Option<i64>,
    require_active_version: Option<bool>,
    deprecation_message: Option<String>,
    #[schema(value_type = Option<String>)]
    max_port_share_level: Option<SharingLevel>,
    #[schema(value_type = Option<String>)]
    cors_behavior: Option<CorsBehavior>,
    use_classic_parameter_flow: Option<bool>,
    disable_module_cache: Option<bool>,
    agents_allowed: Option<bool>,
}

impl From<UpdateTemplateMeta> for TemplateChange {
    fn from(request: UpdateTemplateMeta) -> Self {
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
            time_til_dormant_ms: request.time_til_dormant_ms,
            time_til_dormant_autodelete_ms: request.time_til_dormant_autodelete_ms,
            require_active_version: request.require_active_version,
            deprecation_message: request.deprecation_message,
            max_port_share_level: request.max_port_share_level,
            cors_behavior: request.cors_behavior,
            use_classic_parameter_flow: request.use_classic_parameter_flow,
            agents_allowed: request.agents_allowed,
            disable_module_cache: request.disable_module_cache,
        };
        Self {
            name: request.name,
            display_name: request.display_name,
            description: request.description,
            icon: request.icon,
            policy,
        }
    }
}

/// Change a template
#[utoipa::path(
    patch, path = "/templates/{template}", tag = "Templates", request_body = UpdateTemplateMeta,
    params(("template" = uuid::Uuid, Path, description = "Id of the template")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:update"))),
    responses((status = OK, body = Template)),
)]
pub(crate) async fn update_template(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateId>,
    Json(request): Json<UpdateTemplateMeta>,
) -> ApiResult<Json<Template>> {
    let changed = templates::update(&state.deps, auth.subject(), id, request.into()).await?;
    Ok(Json(changed.into()))
}

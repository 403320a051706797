//! Templates as clients see them.

use chrono::{DateTime, Utc};
use coder_core::{
    provisioner_job::ProvisionerType,
    service::templates::TemplateDetails,
    template::{CorsBehavior, SharingLevel},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A template. Durations are milliseconds, 0 is off or unlimited.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Template {
    id: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    organization_id: Uuid,
    organization_name: String,
    organization_display_name: String,
    organization_icon: String,
    name: String,
    display_name: String,
    #[schema(value_type = String)]
    provisioner: ProvisionerType,
    active_version_id: Uuid,
    /// -1 while it is not known.
    active_user_count: i64,
    /// By transition.
    build_time_stats: BTreeMap<&'static str, TransitionStats>,
    description: String,
    deprecated: bool,
    deprecation_message: String,
    deleted: bool,
    icon: String,
    default_ttl_ms: i64,
    activity_bump_ms: i64,
    time_til_autostop_notify_ms: i64,
    autostop_requirement: AutostopRequirement,
    autostart_requirement: AutostartRequirement,
    created_by_id: Uuid,
    created_by_name: String,
    allow_user_autostart: bool,
    allow_user_autostop: bool,
    allow_user_cancel_workspace_jobs: bool,
    failure_ttl_ms: i64,
    time_til_dormant_ms: i64,
    time_til_dormant_autodelete_ms: i64,
    require_active_version: bool,
    #[schema(value_type = String)]
    max_port_share_level: SharingLevel,
    #[schema(value_type = String)]
    cors_behavior: CorsBehavior,
    use_classic_parameter_flow: bool,
    agents_allowed: bool,
    disable_module_cache: bool,
}

/// How long builds take, milliseconds; null while it is not known.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
struct TransitionStats {
    p50: Option<i64>,
    p95: Option<i64>,
}

/// On which days a workspace is stopped.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = TemplateAutostopRequirement)]
pub(super) struct AutostopRequirement {
    /// Lower-case weekday names.
    pub(super) days_of_week: Option<Vec<String>>,
    /// Every how many weeks.
    pub(super) weeks: Option<i64>,
}

/// On which days autostart is permitted.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = TemplateAutostartRequirement)]
pub(super) struct AutostartRequirement {
    /// Lower-case weekday names.
    pub(super) days_of_week: Option<Vec<String>>,
}

impl From<TemplateDetails> for Template {
    fn from(details: TemplateDetails) -> Self {
        let (template, organization) = (details.template, details.organization);
        let policy = template.policy;
        let unknown = TransitionStats::default();
        Self {
            id: template.id.into(),
            created_at: template.created_at,
            updated_at: template.updated_at,
            organization_id: organization.id.into(),
            organization_name: organization.name,
            organization_display_name: organization.display_name,
            organization_icon: organization.icon,
            name: template.name,
            display_name: template.display_name,
            provisioner: template.provisioner,
            active_version_id: template.active_version_id.into(),
            active_user_count: -1,
            build_time_stats: ["start", "stop", "delete"]
                .map(|name| (name, unknown))
                .into(),
            description: template.description,
            deprecated: !policy.deprecation_message.is_empty(),
            deprecation_message: policy.deprecation_message,
            deleted: template.deleted,
            icon: template.icon,
            default_ttl_ms: policy.default_ttl_ms,
            activity_bump_ms: policy.activity_bump_ms,
            time_til_autostop_notify_ms: policy.time_til_autostop_notify_ms,
            autostop_requirement: AutostopRequirement {
                days_of_week: Some(policy.autostop_days_of_week),
                weeks: Some(policy.autostop_weeks),
            },
            autostart_requirement: AutostartRequirement {
                days_of_week: Some(policy.autostart_days_of_week),
            },
            created_by_id: template.created_by.into(),
            created_by_name: details.created_by_name,
            allow_user_autostart: policy.allow_user_autostart,
            allow_user_autostop: policy.allow_user_autostop,
            allow_user_cancel_workspace_jobs: policy.allow_user_cancel_workspace_jobs,
            failure_ttl_ms: policy.failure_ttl_ms,
            time_til_dormant_ms: policy.time_til_dormant_ms,
            time_til_dormant_autodelete_ms: policy.time_til_dormant_autodelete_ms,
            require_active_version: policy.require_active_version,
            max_port_share_level: policy.max_port_share_level,
            cors_behavior: policy.cors_behavior,
            use_classic_parameter_flow: policy.use_classic_parameter_flow,
            agents_allowed: policy.agents_allowed,
            disable_module_cache: policy.disable_module_cache,
        }
    }
}

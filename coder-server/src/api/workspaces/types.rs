//! What clients see of workspaces.

use crate::api::{workspace_agents::Look, workspace_builds::WorkspaceBuild};
use chrono::{DateTime, Utc};
use coder_core::{id::UserId, service::details::WorkspaceDetails};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A workspace.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Workspace {
    id: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    owner_id: Uuid,
    owner_name: String,
    owner_avatar_url: String,
    organization_id: Uuid,
    organization_name: String,
    template_id: Uuid,
    template_name: String,
    template_display_name: String,
    template_icon: String,
    template_allow_user_cancel_workspace_jobs: bool,
    template_active_version_id: Uuid,
    template_require_active_version: bool,
    template_use_classic_parameter_flow: bool,
    latest_build: WorkspaceBuild,
    /// What a tool reported last; none yet.
    #[schema(value_type = Option<Object>)]
    latest_app_status: Option<()>,
    /// Whether the newest build is not of the active version.
    outdated: bool,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    autostart_schedule: Option<String>,
    /// Milliseconds until it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<i64>,
    last_used_at: DateTime<Utc>,
    deleting_at: Option<DateTime<Utc>>,
    dormant_at: Option<DateTime<Utc>>,
    health: WorkspaceHealth,
    /// `always` or `never`.
    automatic_updates: &'static str,
    allow_renames: bool,
    /// Whether its owner, who asks, pinned it.
    favorite: bool,
    next_start_at: Option<DateTime<Utc>>,
    is_prebuild: bool,
}

/// Whether a workspace is well.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceHealth {
    healthy: bool,
    failing_agents: Vec<Uuid>,
}

/// A part of the workspaces that match.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspacesResponse {
    pub(crate) workspaces: Vec<Workspace>,
    /// How many match in all.
    pub(crate) count: u64,
}

impl Workspace {
    /// The workspace as it looks to `requester` now.
    pub(crate) fn new(details: WorkspaceDetails, requester: UserId, look: &Look) -> Self {
        let outdated = details.is_outdated();
        let WorkspaceDetails {
            organization,
            template,
            latest_build,
        } = details;
        let workspace = latest_build.workspace.clone();
        let owner_avatar_url = latest_build.owner.avatar_url.clone();
        let owner_name = latest_build.owner.username.clone();
        let latest_build = WorkspaceBuild::new(latest_build, look);
        let failing_agents = latest_build.failing_agents();
        let of_template = Some(template.policy.default_ttl_ms).filter(|&ttl| ttl > 0);
        Self {
            id: workspace.id.into(),
            created_at: workspace.created_at,
            updated_at: workspace.updated_at,
            owner_id: workspace.owner_id.into(),
            owner_name,
            owner_avatar_url,
            organization_id: organization.id.into(),
            organization_name: organization.name,
            template_id: template.id.into(),
            template_name: template.name,
            template_display_name: template.display_name,
            template_icon: template.icon,
            template_allow_user_cancel_workspace_jobs: template
                .policy
                .allow_user_cancel_workspace_jobs,
            template_active_version_id: template.active_version_id.into(),
            template_require_active_version: template.policy.require_active_version,
            template_use_classic_parameter_flow: template.policy.use_classic_parameter_flow,
            latest_build,
            latest_app_status: None,
            outdated,
            name: workspace.name,
            autostart_schedule: workspace.autostart_schedule,
            ttl_ms: if template.policy.allow_user_autostop {
                workspace.ttl_ms
            } else {
                of_template
            },
            last_used_at: workspace.last_used_at,
            deleting_at: workspace.deleting_at,
            dormant_at: workspace.dormant_at,
            health: WorkspaceHealth {
                healthy: failing_agents.is_empty(),
                failing_agents,
            },
            automatic_updates: workspace.automatic_updates.as_str(),
            allow_renames: true,
            favorite: workspace.favorite && workspace.owner_id == requester,
            next_start_at: workspace.next_start_at,
            is_prebuild: false,
        }
    }
}

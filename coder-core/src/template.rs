//! Templates: named, versioned descriptions of workspaces.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{OrganizationId, TemplateId, TemplateVersionId, UserId},
    provisioner_job::ProvisionerType,
};

string_enum! {
    /// Who may open an app or a port.
    pub enum SharingLevel {
        /// Only the owner.
        Owner => "owner",
        /// Everyone who is signed in.
        Authenticated => "authenticated",
        /// Members of the workspace's organization.
        Organization => "organization",
        /// Everyone.
        Public => "public",
    }
}

string_enum! {
    /// How cross-origin requests to apps are answered.
    pub enum CorsBehavior {
        /// By the proxy.
        Simple => "simple",
        /// By the app.
        Passthru => "passthru",
    }
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Identifier.
    pub id: TemplateId,
    /// Owner.
    pub organization_id: OrganizationId,
    /// Unique per organization among templates that are not deleted, ignoring case.
    pub name: String,
    /// Shown instead of the name; may be empty.
    pub display_name: String,
    /// At most 128 characters.
    pub description: String,
    /// URL or path of an icon, may be empty.
    pub icon: String,
    /// What runs its builds.
    pub provisioner: ProvisionerType,
    /// The version that new workspaces get.
    pub active_version_id: TemplateVersionId,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Deleted templates are kept, their names become free again.
    pub deleted: bool,
    /// Schedules and permissions of its workspaces.
    pub policy: TemplatePolicy,
}

/// What a template says of its workspaces. Durations are milliseconds, 0 is off or unlimited.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct TemplatePolicy {
    /// Time until an idle workspace stops.
    pub default_ttl_ms: i64,
    /// By how much activity moves the deadline.
    pub activity_bump_ms: i64,
    /// How long before a stop the owner is told.
    pub time_til_autostop_notify_ms: i64,
    /// Lower-case weekday names with a forced stop.
    pub autostop_days_of_week: Vec<String>,
    /// Every how many weeks the forced stop happens.
    pub autostop_weeks: i64,
    /// Lower-case weekday names on which autostart is permitted.
    pub autostart_days_of_week: Vec<String>,
    /// Whether users may set autostart.
    pub allow_user_autostart: bool,
    /// Whether users may set autostop.
    pub allow_user_autostop: bool,
    /// Whether users may cancel running builds.
    pub allow_user_cancel_workspace_jobs: bool,
    /// Time after which a failed workspace is stopped.
    pub failure_ttl_ms: i64,
    /// Time without use until a workspace is dormant.
    pub time_til_dormant_ms: i64,
    /// Time a dormant workspace is kept.
    pub time_til_dormant_autodelete_ms: i64,
    /// Whether builds must use the active version.
    pub require_active_version: bool,
    /// Not empty: no new workspaces, and why.
    pub deprecation_message: String,
    /// The widest share level of its ports.
    pub max_port_share_level: SharingLevel,
    /// How cross-origin requests are answered.
    pub cors_behavior: CorsBehavior,
    /// Whether clients show the static parameter form.
    pub use_classic_parameter_flow: bool,
    /// Whether server-side agents may use it.
    pub agents_allowed: bool,
    /// Whether modules are fetched anew by each build.
    pub disable_module_cache: bool,
}

impl Default for TemplatePolicy {
    fn default() -> Self {
        let week = [
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ];
        Self {
            default_ttl_ms: 0,
            activity_bump_ms: 3_600_000,
            time_til_autostop_notify_ms: 0,
            autostop_days_of_week: Vec::new(),
            autostop_weeks: 1,
            autostart_days_of_week: week.map(str::to_owned).to_vec(),
            allow_user_autostart: true,
            allow_user_autostop: true,
            allow_user_cancel_workspace_jobs: true,
            failure_ttl_ms: 0,
            time_til_dormant_ms: 0,
            time_til_dormant_autodelete_ms: 0,
            require_active_version: false,
            deprecation_message: String::new(),
            max_port_share_level: SharingLevel::Owner,
            cors_behavior: CorsBehavior::Simple,
            use_classic_parameter_flow: true,
            agents_allowed: true,
            disable_module_cache: false,
        }
    }
}

/// What a list of templates is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Only of this organization.
    pub organization_id: Option<OrganizationId>,
    /// Part of the name, ignoring case.
    pub name: Option<String>,
    /// The whole name, ignoring case.
    pub exact_name: Option<String>,
    /// Part of the display name (or of the name where that is empty), ignoring case.
    pub display_name: Option<String>,
    /// Any of these; all when empty.
    pub ids: Vec<TemplateId>,
    /// Only deprecated ones, or only others.
    pub deprecated: Option<bool>,
    /// Made by this user.
    pub author_id: Option<UserId>,
    /// Deleted ones instead of live ones.
    pub deleted: bool,
}

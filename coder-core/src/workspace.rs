//! Workspaces.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{OrganizationId, TemplateId, UserId, WorkspaceId},
    workspace_agent::AgentStatus,
    workspace_build::WorkspaceStatus,
};

string_enum! {
    /// Whether a start moves the workspace to the active version.
    pub enum AutomaticUpdates {
        /// It does.
        Always => "always",
        /// It does not.
        Never => "never",
    }
}

/// A workspace: a name under which builds create and destroy resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Identifier.
    pub id: WorkspaceId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Where it belongs.
    pub organization_id: OrganizationId,
    /// What it is made from.
    pub template_id: TemplateId,
    /// Unique per owner among workspaces that are not deleted, ignoring case.
    pub name: String,
    /// Cron text, see the scheduler.
    pub autostart_schedule: Option<String>,
    /// Time until it stops, milliseconds.
    pub ttl_ms: Option<i64>,
    /// When someone used it last.
    pub last_used_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Deleted workspaces are kept, their names become free again.
    pub deleted: bool,
    /// Since when it is dormant.
    pub dormant_at: Option<Timestamp>,
    /// When it will be deleted for being dormant.
    pub deleting_at: Option<Timestamp>,
    /// Whether a start updates it.
    pub automatic_updates: AutomaticUpdates,
    /// Whether the owner pinned it.
    pub favorite: bool,
    /// When autostart starts it next.
    pub next_start_at: Option<Timestamp>,
}

/// What a list of workspaces is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceFilter {
    /// Any of these; all when empty.
    pub ids: Vec<WorkspaceId>,
    /// Of this owner.
    pub owner_id: Option<UserId>,
    /// Of the owner with this username, ignoring case.
    pub owner_username: Option<String>,
    /// Part of the name, ignoring case.
    pub name: Option<String>,
    /// The whole name, ignoring case.
    pub exact_name: Option<String>,
    /// Of the template with this name, ignoring case.
    pub template_name: Option<String>,
    /// Of these templates; all when empty.
    pub template_ids: Vec<TemplateId>,
    /// Of this organization.
    pub organization_id: Option<OrganizationId>,
    /// In this state.
    pub status: Option<WorkspaceStatus>,
    /// With an agent in this state at `now`, given the time after which a silent agent is disconnected.
    pub has_agent: Option<AgentFilter>,
    /// Dormant or not.
    pub dormant: Option<bool>,
    /// Newest build not of the active version, or of it.
    pub outdated: Option<bool>,
    /// Used after this time.
    pub last_used_after: Option<Timestamp>,
    /// Used before this time.
    pub last_used_before: Option<Timestamp>,
}

/// The agent part of a [`WorkspaceFilter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFilter {
    /// The wanted state.
    pub status: AgentStatus,
    /// The time at which it is judged.
    pub now: Timestamp,
    /// Silence after which an agent counts as disconnected, milliseconds.
    pub inactive_after_ms: i64,
}

//! Organizations: the unit that owns templates, workspaces and provisioners.

use crate::{
    Timestamp,
    id::{OrganizationId, UserId},
};

/// The name of the organization that every deployment begins with.
pub const DEFAULT_ORGANIZATION: &str = "coder";

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Identifier.
    pub id: OrganizationId,
    /// Unique, ignoring case.
    pub name: String,
    /// Shown instead of the name; may be empty.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon, may be empty.
    pub icon: String,
    /// Exactly one organization is the default.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A user's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationMember {
    /// Where.
    pub organization_id: OrganizationId,
    /// Who.
    pub user_id: UserId,
    /// Names of organization roles beyond the implicit `organization-member`.
    pub roles: Vec<String>,
    /// When the user joined.
    pub created_at: Timestamp,
    /// When the roles were changed last.
    pub updated_at: Timestamp,
}

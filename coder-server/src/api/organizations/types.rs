//! Organizations and members as clients see them.

use crate::api::users::{SlimRole, slim_roles};
use chrono::{DateTime, Utc};
use coder_core::{
    organization,
    user::{LoginType, User, UserStatus},
};
use uuid::Uuid;

/// An organization.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Organization {
    id: Uuid,
    name: String,
    display_name: String,
    icon: String,
    description: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    is_default: bool,
    default_org_member_roles: Vec<String>,
}

impl From<organization::Organization> for Organization {
    fn from(organization: organization::Organization) -> Self {
        Self {
            id: organization.id.into(),
            name: organization.name,
            display_name: organization.display_name,
            icon: organization.icon,
            description: organization.description,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
            is_default: organization.is_default,
            default_org_member_roles: Vec::new(),
        }
    }
}

/// A membership.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct OrganizationMember {
    user_id: Uuid,
    organization_id: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    roles: Vec<SlimRole>,
}

impl From<organization::OrganizationMember> for OrganizationMember {
    fn from(member: organization::OrganizationMember) -> Self {
        let organization_id = member.organization_id.into();
        Self {
            user_id: member.user_id.into(),
            organization_id,
            created_at: member.created_at,
            updated_at: member.updated_at,
            roles: slim_roles(&member.roles, Some(organization_id)),
        }
    }
}

/// A membership with the account.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct OrganizationMemberWithUserData {
    #[serde(flatten)]
    member: OrganizationMember,
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    avatar_url: String,
    email: String,
    #[schema(value_type = String)]
    status: UserStatus,
    #[schema(value_type = String)]
    login_type: LoginType,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<DateTime<Utc>>,
    user_created_at: DateTime<Utc>,
    user_updated_at: DateTime<Utc>,
    global_roles: Vec<SlimRole>,
    has_ai_seat: bool,
}

impl From<(organization::OrganizationMember, User)> for OrganizationMemberWithUserData {
    fn from((member, user): (organization::OrganizationMember, User)) -> Self {
        Self {
            member: member.into(),
            global_roles: slim_roles(&user.roles, None),
            username: user.username,
            name: user.name,
            avatar_url: user.avatar_url,
            email: user.email,
            status: user.status,
            login_type: user.login_type,
            last_seen_at: user.last_seen_at,
            user_created_at: user.created_at,
            user_updated_at: user.updated_at,
            has_ai_seat: false,
        }
    }
}

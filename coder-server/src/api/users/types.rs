//! Accounts as clients see them.

use chrono::{DateTime, Utc};
use coder_core::{
    rbac::{self, Role, builtin_organization_roles, builtin_site_roles},
    service::users::{AssignableRole, UserWithOrganizations},
    user::{LoginType, UserStatus},
};
use uuid::Uuid;

/// An account, as little of it as others need.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MinimalUser {
    pub(crate) id: Uuid,
    pub(crate) username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) avatar_url: String,
}

impl From<coder_core::user::User> for MinimalUser {
    fn from(user: coder_core::user::User) -> Self {
        Self {
            id: user.id.into(),
            username: user.username,
            name: user.name,
            avatar_url: user.avatar_url,
        }
    }
}

/// An account.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct User {
    #[serde(flatten)]
    minimal: MinimalUser,
    email: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<DateTime<Utc>>,
    #[schema(value_type = String)]
    status: UserStatus,
    #[schema(value_type = String)]
    login_type: LoginType,
    organization_ids: Vec<Uuid>,
    roles: Vec<SlimRole>,
    has_ai_seat: bool,
}

impl From<UserWithOrganizations> for User {
    fn from(found: UserWithOrganizations) -> Self {
        let user = found.user;
        Self {
            email: user.email.clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_seen_at: user.last_seen_at,
            status: user.status,
            login_type: user.login_type,
            organization_ids: found.organization_ids.into_iter().map(Uuid::from).collect(),
            roles: slim_roles(&user.roles, None),
            has_ai_seat: false,
            minimal: user.into(),
        }
    }
}

/// A role that is held.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct SlimRole {
    name: String,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<String>,
}

/// Roles by name with what they are called.
pub(crate) fn slim_roles(names: &[String], organization: Option<Uuid>) -> Vec<SlimRole> {
    let known = if organization.is_some() {
        builtin_organization_roles()
    } else {
        builtin_site_roles()
    };
    let roles = names.iter().map(|name| SlimRole {
        name: name.clone(),
        display_name: known
            .iter()
            .find(|role| role.name == name)
            .map(|role| role.display_name.to_owned())
            .unwrap_or_default(),
        organization_id: organization.map(|id| id.to_string()),
    });
    roles.collect()
}

/// A permission of a role; `*` stands for all.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Permission {
    negate: bool,
    resource_type: String,
    action: String,
}

impl From<&rbac::Permission> for Permission {
    fn from(permission: &rbac::Permission) -> Self {
        Self {
            negate: permission.negate,
            resource_type: permission.kind.map_or("*", |kind| kind.as_str()).to_owned(),
            action: permission
                .action
                .map_or("*", |action| action.as_str())
                .to_owned(),
        }
    }
}

/// A role, and whether the caller may give it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AssignableRoles {
    name: String,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<String>,
    site_permissions: Vec<Permission>,
    user_permissions: Vec<Permission>,
    organization_permissions: Vec<Permission>,
    organization_member_permissions: Vec<Permission>,
    assignable: bool,
    built_in: bool,
}

impl AssignableRoles {
    /// A role of an organization, or of the site.
    pub(crate) fn new(role: &Role, assignable: bool, organization: Option<Uuid>) -> Self {
        let view = |permissions: &[rbac::Permission]| permissions.iter().map(Into::into).collect();
        Self {
            name: role.name.to_owned(),
            display_name: role.display_name.to_owned(),
            organization_id: organization.map(|id| id.to_string()),
            site_permissions: view(&role.site),
            user_permissions: view(&role.user),
            organization_permissions: view(&role.organization),
            organization_member_permissions: view(&role.organization_member),
            assignable,
            built_in: true,
        }
    }
}

impl From<AssignableRole> for AssignableRoles {
    fn from(role: AssignableRole) -> Self {
        Self::new(&role.role, role.assignable, None)
    }
}

//! The decision.

use super::{
    Action, Object, ResourceType, Role, SCOPE_ALL, SCOPE_APPLICATION_CONNECT, Subject,
    builtin_organization_roles, builtin_site_roles, role::Permission,
};

/// Decides whether a subject may do something. Pure: same question, same answer.
pub trait Authorizer: Send + Sync {
    /// Whether `subject` may do `action` to `object`.
    fn allows(&self, subject: &Subject, action: Action, object: &Object) -> bool;
}

/// Decides by roles.
#[derive(Clone, Debug)]
pub struct RoleAuthorizer {
    site: Vec<Role>,
    organization: Vec<Role>,
}

impl Default for RoleAuthorizer {
    /// With the built-in roles.
    fn default() -> Self {
        Self {
            site: builtin_site_roles(),
            organization: builtin_organization_roles(),
        }
    }
}

impl Authorizer for RoleAuthorizer {
    fn allows(&self, subject: &Subject, action: Action, object: &Object) -> bool {
        if subject.is_system() {
            return true;
        }
        subject
            .scopes
            .iter()
            .any(|scope| scope_allows(scope, action, object.kind))
            && self.roles_allow(subject, action, object)
    }
}

impl RoleAuthorizer {
    fn roles_allow(&self, subject: &Subject, action: Action, object: &Object) -> bool {
        let site_roles = || {
            self.site
                .iter()
                .filter(|role| role.name == "member" || subject.has_role(role.name))
        };
        let held = object
            .organization
            .and_then(|id| subject.organizations.get(&id));
        let organization_roles = || {
            self.organization.iter().filter(|role| {
                held.is_some_and(|held| {
                    role.name == "organization-member" || held.iter().any(|name| name == role.name)
                })
            })
        };
        let owns = object.owner == Some(subject.user_id);
        let decide = |permissions: &mut dyn Iterator<Item = &Permission>| {
            level(permissions, action, object.kind)
        };
        // The first level that says anything decides; what none allows is denied.
        decide(&mut site_roles().flat_map(|role| &role.site))
            .or_else(|| decide(&mut organization_roles().flat_map(|role| &role.organization)))
            .or_else(|| {
                let mut own = organization_roles().flat_map(|role| &role.organization_member);
                if owns { decide(&mut own) } else { None }
            })
            .or_else(|| {
                let mut own = site_roles().flat_map(|role| &role.user);
                if owns { decide(&mut own) } else { None }
            })
            .unwrap_or(false)
    }
}

/// What one level says: denied, allowed, or nothing.
fn level(
    permissions: &mut dyn Iterator<Item = &Permission>,
    action: Action,
    kind: ResourceType,
) -> Option<bool> {
    let concerned = permissions.filter(|permission| {
        permission.kind.is_none_or(|of| of == kind)
            && permission.action.is_none_or(|of| of == action)
    });
    concerned.fold(None, |said, permission| {
        Some(said.unwrap_or(true) && !permission.negate)
    })
}

fn scope_allows(scope: &str, action: Action, kind: ResourceType) -> bool {
    match scope {
        SCOPE_ALL | "all" => true,
        SCOPE_APPLICATION_CONNECT | "application_connect" => {
            action == Action::ApplicationConnect && kind == ResourceType::Workspace
        }
        other => other.split_once(':').is_some_and(|(of, what)| {
            of == kind.as_str() && (what == "*" || what == action.as_str())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{OrganizationId, UserId};
    use uuid::Uuid;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));
    const ORG: OrganizationId = OrganizationId(Uuid::from_u128(3));

    fn member(roles: &[&str], org_roles: &[&str]) -> Subject {
        let owned = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        Subject::user(ANN, owned(roles), [(ORG, owned(org_roles))].into())
    }

    fn workspace(owner: UserId) -> Object {
        Object::of(ResourceType::Workspace)
            .owned_by(owner)
            .in_organization(ORG)
    }

    #[test]
    fn members_reach_their_own_workspaces_only() {
        let authorizer = RoleAuthorizer::default();
        let ann = member(&[], &[]);
        for action in [Action::Create, Action::Read, Action::Ssh, Action::Delete] {
            assert!(authorizer.allows(&ann, action, &workspace(ANN)));
            assert!(!authorizer.allows(&ann, action, &workspace(BOB)));
        }
        let elsewhere = OrganizationId(Uuid::from_u128(9));
        let object = Object::of(ResourceType::Workspace)
            .owned_by(ANN)
            .in_organization(elsewhere);
        assert!(!authorizer.allows(&ann, Action::Create, &object));
    }

    #[test]
    fn owners_reach_everything_but_not_beyond_their_scope() {
        let authorizer = RoleAuthorizer::default();
        let owner = member(&["owner"], &[]);
        assert!(authorizer.allows(&owner, Action::Delete, &workspace(BOB)));
        let narrow = owner.with_scopes(vec!["workspace:read".to_owned()]);
        assert!(authorizer.allows(&narrow, Action::Read, &workspace(BOB)));
        assert!(!authorizer.allows(&narrow, Action::Delete, &workspace(BOB)));
        let none = narrow.with_scopes(Vec::new());
        assert!(!authorizer.allows(&none, Action::Read, &workspace(ANN)));
    }

    #[test]
    fn templates_are_used_by_members_and_changed_by_admins() {
        let authorizer = RoleAuthorizer::default();
        let template = Object::of(ResourceType::Template).in_organization(ORG);
        assert!(authorizer.allows(&member(&[], &[]), Action::Use, &template));
        assert!(!authorizer.allows(&member(&[], &[]), Action::Update, &template));
        assert!(authorizer.allows(&member(&["template-admin"], &[]), Action::Update, &template));
        let admin = member(&[], &["organization-admin"]);
        assert!(authorizer.allows(&admin, Action::Update, &template));
        assert!(!authorizer.allows(&admin, Action::Ssh, &workspace(BOB)));
    }

    #[test]
    fn a_denial_wins_in_its_level() {
        let authorizer = RoleAuthorizer::default();
        let banned = member(&[], &["organization-workspace-creation-ban"]);
        assert!(!authorizer.allows(&banned, Action::Create, &workspace(ANN)));
        assert!(authorizer.allows(&banned, Action::Read, &workspace(ANN)));
    }
}

//! Roles: named sets of permissions.

use super::{Action, ResourceType};

/// Permission, or denial, of an action on a kind of object; `None` stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// A denial wins over every permission of its level.
    pub negate: bool,
    /// On which kind.
    pub kind: Option<ResourceType>,
    /// Which action.
    pub action: Option<Action>,
}

impl Permission {
    const fn allow(kind: ResourceType, action: Option<Action>) -> Self {
        Self {
            negate: false,
            kind: Some(kind),
            action,
        }
    }

    const fn deny(kind: ResourceType) -> Self {
        Self {
            negate: true,
            kind: Some(kind),
            action: None,
        }
    }
}

/// A role. Each level is asked in turn: site, organization, own objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Identity.
    pub name: &'static str,
    /// Shown name.
    pub display_name: &'static str,
    /// On everything.
    pub site: Vec<Permission>,
    /// On everything in the organization where it is held.
    pub organization: Vec<Permission>,
    /// On what one owns outside of organizations.
    pub user: Vec<Permission>,
    /// On what one owns in the organization where it is held.
    pub organization_member: Vec<Permission>,
}

impl Role {
    fn named(name: &'static str, display_name: &'static str) -> Self {
        Self {
            name,
            display_name,
            site: Vec::new(),
            organization: Vec::new(),
            user: Vec::new(),
            organization_member: Vec::new(),
        }
    }
}

fn each(kind: ResourceType, actions: &[Action]) -> Vec<Permission> {
    actions
        .iter()
        .map(|&action| Permission::allow(kind, Some(action)))
        .collect()
}

/// The roles that hold on the whole deployment.
#[must_use]
pub fn builtin_site_roles() -> Vec<Role> {
    use Action::{Create, Delete, Read, ReadPersonal, Update, UpdatePersonal, Use, ViewInsights};
    use ResourceType::{
        ApiKey, AssignRole, ConnectionLog, DebugInfo, DeploymentConfig, DeploymentStats, File,
        Organization, OrganizationMember, ProvisionerDaemon, ProvisionerJobs, Template, User,
        Workspace,
    };
    let everything = Permission {
        negate: false,
        kind: None,
        action: None,
    };
    let owner = Role {
        site: vec![everything],
        ..Role::named("owner", "Owner")
    };
    let mut member = Role::named("member", "Member");
    member.site = each(AssignRole, &[Read]);
    member.user = [
        each(User, &[Read, ReadPersonal, UpdatePersonal]),
        each(ApiKey, &[Create, Read, Update, Delete]),
        each(File, &[Create, Read]),
    ]
    .concat();
    let mut template_admin = Role::named("template-admin", "Template Admin");
    template_admin.site = [
        each(Template, &[Create, Read, Update, Delete, Use, ViewInsights]),
        each(File, &[Create, Read]),
        each(Workspace, &[Read]),
        each(ProvisionerDaemon, &[Create, Read, Update, Delete]),
        each(ProvisionerJobs, &[Create, Read, Update]),
        each(User, &[Read]),
        each(Organization, &[Read]),
        each(OrganizationMember, &[Read]),
    ]
    .concat();
    let mut user_admin = Role::named("user-admin", "User Admin");
    user_admin.site = [
        each(
            User,
            &[Create, Read, Update, Delete, ReadPersonal, UpdatePersonal],
        ),
        each(AssignRole, &[Action::Assign, Action::Unassign, Read]),
        each(Organization, &[Read]),
        each(OrganizationMember, &[Create, Read, Update, Delete]),
    ]
    .concat();
    let mut auditor = Role::named("auditor", "Auditor");
    auditor.site = [
        each(Template, &[Read, ViewInsights]),
        each(User, &[Read]),
        each(Organization, &[Read]),
        each(OrganizationMember, &[Read]),
        each(DeploymentStats, &[Read]),
        each(DeploymentConfig, &[Read]),
        each(ConnectionLog, &[Read]),
        each(DebugInfo, &[]),
    ]
    .concat();
    vec![owner, member, template_admin, user_admin, auditor]
}

/// The roles that hold in one organization.
#[must_use]
pub fn builtin_organization_roles() -> Vec<Role> {
    vec![
        organization_admin(),
        organization_member(),
        organization_template_admin(),
        workspace_creation_ban(),
    ]
}

fn organization_admin() -> Role {
    use ResourceType::{
        AssignOrgRole, Organization, OrganizationMember, ProvisionerDaemon, ProvisionerJobs,
        Template, Workspace,
    };
    let kinds = [
        Workspace,
        Template,
        Organization,
        OrganizationMember,
        AssignOrgRole,
        ProvisionerDaemon,
        ProvisionerJobs,
    ];
    let reaches_inside = |action| action == Action::Ssh || action == Action::ApplicationConnect;
    let organization = kinds.into_iter().flat_map(|kind| {
        let actions = Action::ALL.iter().copied();
        let actions = actions.filter(move |&action| kind != Workspace || !reaches_inside(action));
        actions.map(move |action| Permission::allow(kind, Some(action)))
    });
    Role {
        organization: organization.collect(),
        ..Role::named("organization-admin", "Organization Admin")
    }
}

fn organization_member() -> Role {
    use Action::{ApplicationConnect, Create, Delete, Read, Ssh, Start, Stop, Update, Use};
    use ResourceType::{
        AssignOrgRole, Organization, OrganizationMember, ProvisionerDaemon, Template, Workspace,
    };
    let own_workspace = [
        Create,
        Read,
        Update,
        Delete,
        Start,
        Stop,
        Ssh,
        ApplicationConnect,
        Action::CreateAgent,
        Action::DeleteAgent,
        Action::UpdateAgent,
        Action::Share,
    ];
    let organization = [
        each(Organization, &[Read]),
        each(OrganizationMember, &[Read]),
        each(AssignOrgRole, &[Read]),
        each(ProvisionerDaemon, &[Read]),
        each(Template, &[Read, Use]),
    ];
    Role {
        organization: organization.concat(),
        // A daemon for the own jobs.
        organization_member: [
            each(Workspace, &own_workspace),
            each(ProvisionerDaemon, &[Create]),
        ]
        .concat(),
        ..Role::named("organization-member", "Organization Member")
    }
}

fn organization_template_admin() -> Role {
    use Action::{Create, Delete, Read, Update, Use, ViewInsights};
    use ResourceType::{ProvisionerDaemon, ProvisionerJobs, Template, Workspace};
    let organization = [
        each(Template, &[Create, Read, Update, Delete, Use, ViewInsights]),
        each(Workspace, &[Read]),
        each(ProvisionerDaemon, &[Create, Read, Update, Delete]),
        each(ProvisionerJobs, &[Create, Read, Update]),
    ];
    Role {
        organization: organization.concat(),
        ..Role::named("organization-template-admin", "Organization Template Admin")
    }
}

fn workspace_creation_ban() -> Role {
    let deny = |action| Permission {
        action: Some(action),
        ..Permission::deny(ResourceType::Workspace)
    };
    Role {
        organization_member: vec![deny(Action::Create), deny(Action::Delete)],
        ..Role::named(
            "organization-workspace-creation-ban",
            "Organization Workspace Creation Ban",
        )
    }
}

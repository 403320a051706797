//! Organizations and their members.

use super::{Deps, users};
use crate::{
    Error, ErrorKind,
    event::Event,
    id::{OrganizationId, UserId},
    name::{check_display_name, check_name},
    organization::{DEFAULT_ORGANIZATION, Organization, OrganizationMember},
    rbac::{
        Action, AsObject as _, Object, ResourceType, Role, Subject, builtin_organization_roles,
    },
    store::Transaction,
    user::User,
};
use std::collections::BTreeMap;

/// An organization to make.
#[derive(Clone, Debug, Default)]
pub struct NewOrganization {
    /// Unique name.
    pub name: String,
    /// Shown instead of the name; may be empty.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon, may be empty.
    pub icon: String,
}

/// The default organization, made if there is none yet.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn ensure_default_organization(deps: &Deps) -> Result<Organization, Error> {
    let mut tx = deps.begin().await?;
    let organization = ensure_default(deps, &mut *tx).await?;
    tx.commit().await?;
    Ok(organization)
}

/// As [`ensure_default_organization`], within a transaction.
pub(crate) async fn ensure_default(
    deps: &Deps,
    tx: &mut dyn Transaction,
) -> Result<Organization, Error> {
    if let Some(found) = tx.organizations().default_organization().await? {
        return Ok(found);
    }
    let new = NewOrganization {
        name: DEFAULT_ORGANIZATION.to_owned(),
        ..NewOrganization::default()
    };
    let organization = Organization {
        is_default: true,
        ..build(deps, new)
    };
    tx.organizations().insert(&organization).await?;
    Ok(organization)
}

/// Finds an organization that the caller may see: by id, by name, or as `default`.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn find(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    name: &str,
) -> Result<Organization, Error> {
    let found = match name.parse::<OrganizationId>() {
        Ok(id) => tx.organizations().get(id).await?,
        Err(_) if name == "default" => tx.organizations().default_organization().await?,
        Err(_) => tx.organizations().by_name(name).await?,
    };
    deps.permitted(subject, Action::Read, found)
}

/// As [`find`], in a transaction of its own.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn get(deps: &Deps, subject: &Subject, name: &str) -> Result<Organization, Error> {
    let mut tx = deps.begin().await?;
    let organization = find(deps, &mut *tx, subject, name).await?;
    tx.commit().await?;
    Ok(organization)
}

/// Those that the caller may see, by name.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn list(deps: &Deps, subject: &Subject) -> Result<Vec<Organization>, Error> {
    let mut tx = deps.begin().await?;
    let mut found = tx.organizations().list().await?;
    tx.commit().await?;
    found.retain(|organization| deps.allows(subject, Action::Read, &organization.as_object()));
    Ok(found)
}

/// Those of a user that the caller may see, by name.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn of_user(
    deps: &Deps,
    subject: &Subject,
    user: &str,
) -> Result<Vec<Organization>, Error> {
    let mut tx = deps.begin().await?;
    let user = users::find(deps, &mut *tx, subject, user).await?;
    let memberships = tx.organizations().memberships(&[user.id]).await?;
    let ids: Vec<_> = memberships
        .iter()
        .map(|member| member.organization_id)
        .collect();
    let mut found = tx.organizations().get_many(&ids).await?;
    tx.commit().await?;
    found.retain(|organization| deps.allows(subject, Action::Read, &organization.as_object()));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Makes an organization; whoever makes it administers it.
///
/// # Errors
/// [`Forbidden`](ErrorKind::Forbidden), [`InvalidInput`](ErrorKind::InvalidInput) and
/// [`Conflict`](ErrorKind::Conflict) naming fields.
pub async fn create(
    deps: &Deps,
    subject: &Subject,
    new: NewOrganization,
) -> Result<Organization, Error> {
    if !deps.allows(
        subject,
        Action::Create,
        &Object::of(ResourceType::Organization),
    ) {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "You may not create organizations.",
        ));
    }
    check_name("name", &new.name)?;
    check_display_name("display_name", &new.display_name)?;
    if new.name.eq_ignore_ascii_case("default") {
        return Err(Error::invalid_field("name", "is a reserved word"));
    }
    let mut organization = build(deps, new);
    if organization.display_name.is_empty() {
        organization.display_name.clone_from(&organization.name);
    }
    let mut tx = deps.begin().await?;
    tx.organizations()
        .insert(&organization)
        .await
        .map_err(|error| {
            if error.is_conflict_with("organizations_name_key") {
                let message = "An organization with this name exists already.";
                return Error::conflict(message).with_field("name", "is taken");
            }
            error.into()
        })?;
    let admin = vec!["organization-admin".to_owned()];
    let member = membership(deps, organization.id, subject.user_id, admin);
    tx.organizations().insert_member(&member).await?;
    tx.publish(Event::UserUpdated {
        user_id: subject.user_id,
        at: deps.now(),
    })
    .await?;
    tx.commit().await?;
    Ok(organization)
}

/// The members of an organization with their accounts, by username.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn members(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
) -> Result<Vec<(OrganizationMember, User)>, Error> {
    let mut tx = deps.begin().await?;
    let organization = find(deps, &mut *tx, subject, organization).await?;
    let any = Object::of(ResourceType::OrganizationMember).in_organization(organization.id);
    deps.require(subject, Action::Read, &any)?;
    let members = tx.organizations().members(organization.id).await?;
    let ids: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
    let users = tx.users().get_many(&ids).await?;
    tx.commit().await?;
    let mut users: BTreeMap<UserId, User> = users.into_iter().map(|user| (user.id, user)).collect();
    let members = members.into_iter();
    let members = members.filter_map(|member| Some((users.remove(&member.user_id)?, member)));
    let mut members: Vec<_> = members
        .filter(|(user, _)| !user.deleted)
        .map(|(user, member)| (member, user))
        .collect();
    members.sort_by(|(_, a), (_, b)| a.username.cmp(&b.username));
    Ok(members)
}

/// Adds a member.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Conflict`](ErrorKind::Conflict).
pub async fn add_member(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    user: &str,
) -> Result<OrganizationMember, Error> {
    let mut tx = deps.begin().await?;
    let organization = find(deps, &mut *tx, subject, organization).await?;
    let any = Object::of(ResourceType::OrganizationMember).in_organization(organization.id);
    deps.require(subject, Action::Create, &any)?;
    let user = users::find(deps, &mut *tx, subject, user).await?;
    let member = membership(deps, organization.id, user.id, Vec::new());
    tx.organizations()
        .insert_member(&member)
        .await
        .map_err(|error| {
            if error.is_conflict_with("organization_members_pkey") {
                return Error::conflict("The user is a member already.");
            }
            error.into()
        })?;
    tx.publish(Event::UserUpdated {
        user_id: user.id,
        at: deps.now(),
    })
    .await?;
    tx.commit().await?;
    Ok(member)
}

/// One member with the account.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn member(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    user: &str,
) -> Result<(OrganizationMember, User), Error> {
    let mut tx = deps.begin().await?;
    let found = find_member(deps, &mut *tx, subject, organization, user).await?;
    tx.commit().await?;
    Ok(found)
}

/// Removes a member. Their workspaces stay, and stay out of their reach.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`InvalidInput`](ErrorKind::InvalidInput) for oneself.
pub async fn remove_member(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    user: &str,
) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let (member, user) = find_member(deps, &mut *tx, subject, organization, user).await?;
    deps.require(subject, Action::Delete, &member.as_object())?;
    if user.id == subject.user_id {
        return Err(Error::invalid("You cannot remove yourself."));
    }
    tx.organizations()
        .delete_member(member.organization_id, user.id)
        .await?;
    tx.publish(Event::UserUpdated {
        user_id: user.id,
        at: deps.now(),
    })
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Replaces the organization roles of a member.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden),
/// [`InvalidInput`](ErrorKind::InvalidInput) for unknown roles and oneself.
pub async fn set_member_roles(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    user: &str,
    mut roles: Vec<String>,
) -> Result<(OrganizationMember, User), Error> {
    let mut tx = deps.begin().await?;
    let (mut member, user) = find_member(deps, &mut *tx, subject, organization, user).await?;
    let any = Object::of(ResourceType::AssignOrgRole).in_organization(member.organization_id);
    let may = |action| deps.allows(subject, action, &any);
    if !may(Action::Assign) || !may(Action::Unassign) {
        let message = "You may not give or take roles of this organization.";
        return Err(Error::new(ErrorKind::Forbidden, message));
    }
    if user.id == subject.user_id {
        return Err(Error::invalid("You cannot change your own roles."));
    }
    roles.retain(|role| role != "organization-member");
    roles.sort();
    roles.dedup();
    let known = builtin_organization_roles();
    if let Some(role) = roles
        .iter()
        .find(|role| !known.iter().any(|known| known.name == **role))
    {
        let detail = format!("{role:?} is no organization role");
        return Err(Error::invalid_field("roles", detail));
    }
    member.roles = roles;
    member.updated_at = deps.now();
    tx.organizations().update_member(&member).await?;
    tx.publish(Event::UserUpdated {
        user_id: user.id,
        at: deps.now(),
    })
    .await?;
    tx.commit().await?;
    Ok((member, user))
}

/// The roles of an organization, and whether the caller may give them.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn assignable_roles(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
) -> Result<(Organization, Vec<(Role, bool)>), Error> {
    let organization = get(deps, subject, organization).await?;
    let any = Object::of(ResourceType::AssignOrgRole).in_organization(organization.id);
    deps.require(subject, Action::Read, &any)?;
    let assignable = deps.allows(subject, Action::Assign, &any);
    let roles = builtin_organization_roles().into_iter();
    let roles = roles.map(|role| {
        let given = assignable && role.name != "organization-member";
        (role, given)
    });
    Ok((organization, roles.collect()))
}

async fn find_member(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    organization: &str,
    user: &str,
) -> Result<(OrganizationMember, User), Error> {
    let organization = find(deps, tx, subject, organization).await?;
    // Members see each other in their organization, though not as accounts.
    let found = match user {
        "me" => tx.users().get(subject.user_id).await?,
        _ => match user.parse::<UserId>() {
            Ok(id) => tx.users().get(id).await?,
            Err(_) => tx.users().by_username(user).await?,
        },
    };
    let user = found
        .filter(|user| !user.deleted)
        .ok_or_else(Error::not_found)?;
    let member = tx.organizations().member(organization.id, user.id).await?;
    Ok((deps.permitted(subject, Action::Read, member)?, user))
}

fn membership(
    deps: &Deps,
    organization_id: OrganizationId,
    user_id: UserId,
    roles: Vec<String>,
) -> OrganizationMember {
    let now = deps.now();
    OrganizationMember {
        organization_id,
        user_id,
        roles,
        created_at: now,
        updated_at: now,
    }
}

fn build(deps: &Deps, new: NewOrganization) -> Organization {
    let now = deps.now();
    Organization {
        id: OrganizationId::generate(&*deps.entropy),
        name: new.name,
        display_name: new.display_name,
        description: new.description,
        icon: new.icon,
        is_default: false,
        created_at: now,
        updated_at: now,
    }
}

//! Finding accounts.

use crate::{
    Error, ErrorKind,
    id::{OrganizationId, UserId},
    rbac::{Action, Object, ResourceType, Subject},
    service::Deps,
    store::{Page, Transaction},
    user::{User, UserFilter},
};
use std::collections::BTreeMap;

/// An account and where it is a member.
#[derive(Clone, Debug)]
pub struct UserWithOrganizations {
    /// The account.
    pub user: User,
    /// Its organizations, by id.
    pub organization_ids: Vec<OrganizationId>,
}

/// Finds an account that the caller may see, by id, by name, or as `me`.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn find(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    name: &str,
) -> Result<User, Error> {
    let found = match name {
        "me" => tx.users().get(subject.user_id).await?,
        _ => match name.parse::<UserId>() {
            Ok(id) => tx.users().get(id).await?,
            Err(_) => tx.users().by_username(name).await?,
        },
    };
    deps.permitted(subject, Action::Read, found.filter(|user| !user.deleted))
}

/// An account that the caller may see, by id, by name, or as `me`.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn get(
    deps: &Deps,
    subject: &Subject,
    name: &str,
) -> Result<UserWithOrganizations, Error> {
    let mut tx = deps.begin().await?;
    let user = find(deps, &mut *tx, subject, name).await?;
    let user = with_organizations(&mut *tx, user).await?;
    tx.commit().await?;
    Ok(user)
}

/// A part of the accounts that match, by username, and how many match.
///
/// # Errors
/// [`Forbidden`](ErrorKind::Forbidden) for who may not see other accounts.
pub async fn list(
    deps: &Deps,
    subject: &Subject,
    filter: &UserFilter,
    page: Page,
) -> Result<(Vec<UserWithOrganizations>, u64), Error> {
    if !deps.allows(subject, Action::Read, &Object::of(ResourceType::User)) {
        let message = "You may not list users.";
        return Err(Error::new(ErrorKind::Forbidden, message));
    }
    let mut tx = deps.begin().await?;
    let (users, count) = tx.users().list(filter, page).await?;
    let users = add_organizations(&mut *tx, users).await?;
    tx.commit().await?;
    Ok((users, count))
}

/// Adds where an account is a member.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn with_organizations(
    tx: &mut dyn Transaction,
    user: User,
) -> Result<UserWithOrganizations, Error> {
    let memberships = tx.organizations().memberships(&[user.id]).await?;
    let organization_ids = memberships
        .into_iter()
        .map(|member| member.organization_id)
        .collect();
    Ok(UserWithOrganizations {
        user,
        organization_ids,
    })
}

async fn add_organizations(
    tx: &mut dyn Transaction,
    users: Vec<User>,
) -> Result<Vec<UserWithOrganizations>, Error> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let mut of_user: BTreeMap<UserId, Vec<OrganizationId>> = BTreeMap::new();
    for member in tx.organizations().memberships(&ids).await? {
        of_user
            .entry(member.user_id)
            .or_default()
            .push(member.organization_id);
    }
    let users = users.into_iter().map(|user| UserWithOrganizations {
        organization_ids: of_user.remove(&user.id).unwrap_or_default(),
        user,
    });
    Ok(users.collect())
}

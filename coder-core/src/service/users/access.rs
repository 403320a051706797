//! Who may change whose account.

use crate::{
    Error, ErrorKind,
    rbac::{Action, Object, ResourceType, Role, Subject, builtin_site_roles},
    service::{Deps, sessions::subject_of},
    store::Transaction,
    user::User,
};

/// A site role as somebody sees it.
#[derive(Clone, Debug)]
pub struct AssignableRole {
    /// The role.
    pub role: Role,
    /// Whether the viewer may give it.
    pub assignable: bool,
}

/// Refuses to let someone change the account of a person with more power: whoever sets a password, an
/// address or a token of an account has what the account has. Owners change everyone.
///
/// # Errors
/// [`Forbidden`](ErrorKind::Forbidden).
pub(in crate::service) async fn require_rank(
    tx: &mut dyn Transaction,
    subject: &Subject,
    target: &User,
) -> Result<(), Error> {
    if subject.is_system() || subject.has_role("owner") || subject.user_id == target.id {
        return Ok(());
    }
    let theirs = subject_of(tx, target).await?;
    let site = theirs.roles.iter().all(|role| subject.has_role(role));
    let organizations = theirs.organizations.iter().all(|(id, roles)| {
        let held = subject
            .organizations
            .get(id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        roles.iter().all(|role| held.contains(role))
    });
    if site && organizations {
        return Ok(());
    }
    let message = "This account holds roles that you do not hold, only an owner may change it.";
    Err(Error::new(ErrorKind::Forbidden, message))
}

/// Whether `subject` may give or take a site role. Only owners may: a role that one may give to others one
/// may give to oneself.
pub(super) fn may_assign(deps: &Deps, subject: &Subject, action: Action) -> bool {
    let owner = subject.is_system() || subject.has_role("owner");
    owner && deps.allows(subject, action, &Object::of(ResourceType::AssignRole))
}

/// All site roles, with whether the caller may give them.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) when roles may not be seen.
pub fn assignable_roles(deps: &Deps, subject: &Subject) -> Result<Vec<AssignableRole>, Error> {
    deps.require(subject, Action::Read, &Object::of(ResourceType::AssignRole))?;
    let assignable = may_assign(deps, subject, Action::Assign);
    let roles = builtin_site_roles().into_iter();
    // `member` is implicit, giving it means nothing.
    let roles = roles.map(|role| AssignableRole {
        assignable: assignable && role.name != "member",
        role,
    });
    Ok(roles.collect())
}

//! Site roles of accounts.

use super::{
    access::{may_assign, require_rank},
    change::save,
    find::{UserWithOrganizations, find},
};
use crate::{
    Error, ErrorKind,
    rbac::{Action, Subject, builtin_site_roles},
    service::Deps,
};

/// Replaces the site roles of an account.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden) for who may not give or take
/// roles, [`InvalidInput`](ErrorKind::InvalidInput) for unknown roles and one's own account.
pub async fn set_roles(
    deps: &Deps,
    subject: &Subject,
    name: &str,
    mut roles: Vec<String>,
) -> Result<UserWithOrganizations, Error> {
    let mut tx = deps.begin().await?;
    let mut user = find(deps, &mut *tx, subject, name).await?;
    let may = [Action::Assign, Action::Unassign].map(|action| may_assign(deps, subject, action));
    if may != [true, true] {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "You may not give or take site roles.",
        ));
    }
    require_rank(&mut *tx, subject, &user).await?;
    if user.id == subject.user_id {
        return Err(Error::invalid("You cannot change your own roles."));
    }
    roles.retain(|role| role != "member");
    roles.sort();
    roles.dedup();
    check_roles(&roles)?;
    user.roles = roles;
    save(deps, tx, user).await
}

/// Checks that roles exist.
pub(super) fn check_roles(roles: &[String]) -> Result<(), Error> {
    let known = builtin_site_roles();
    for role in roles {
        if !known.iter().any(|known| known.name == role) {
            return Err(Error::invalid_field(
                "roles",
                format!("{role:?} is no site role"),
            ));
        }
    }
    Ok(())
}

//! Key pairs for Git hosts. A user has one from the first time that anybody needs it.

use super::{
    Deps,
    unit::settle,
    users::{self, require_rank},
};
use crate::{
    Result,
    git_ssh_key::GitSshKey,
    id::UserId,
    rbac::{Action, AsObject as _, Subject},
    store::Transaction,
};

/// The pair of a user; callers show its public half only.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn get(deps: &Deps, subject: &Subject, name: &str) -> Result<GitSshKey> {
    let mut tx = deps.begin().await?;
    let found = async {
        let tx = tx.as_mut();
        let user = users::find(deps, tx, subject, name).await?;
        deps.require(subject, Action::ReadPersonal, &user.as_object())?;
        of_user(deps, tx, user.id).await
    };
    let found = found.await;
    settle(tx, found).await
}

/// Replaces the pair of a user by a fresh one. Hosts that know the old one have to be told.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Forbidden`](crate::ErrorKind::Forbidden) for who has less
/// power than the user.
pub async fn regenerate(deps: &Deps, subject: &Subject, name: &str) -> Result<GitSshKey> {
    let mut tx = deps.begin().await?;
    let made = async {
        let tx = tx.as_mut();
        let user = users::find(deps, tx, subject, name).await?;
        deps.require(subject, Action::UpdatePersonal, &user.as_object())?;
        require_rank(tx, subject, &user).await?;
        let present = of_user(deps, tx, user.id).await?;
        let key = GitSshKey {
            created_at: present.created_at,
            ..fresh(deps, user.id)?
        };
        tx.git_ssh_keys().update(&key).await?;
        Ok(key)
    };
    let made = made.await;
    settle(tx, made).await
}

/// The pair of a user, made if there is none.
pub(super) async fn of_user(
    deps: &Deps,
    tx: &mut dyn Transaction,
    user: UserId,
) -> Result<GitSshKey> {
    if let Some(present) = tx.git_ssh_keys().get(user).await? {
        return Ok(present);
    }
    let key = fresh(deps, user)?;
    Ok(tx.git_ssh_keys().get_or_insert(&key).await?)
}

fn fresh(deps: &Deps, user: UserId) -> Result<GitSshKey> {
    GitSshKey::generate(user, deps.ssh_keygen_algorithm, &*deps.entropy, deps.now())
}

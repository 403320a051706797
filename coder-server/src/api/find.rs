//! Whom and what a path names.

use crate::app_state::AppState;
use coder_core::{
    Error,
    id::{OrganizationId, UserId},
    rbac::Subject,
    service::{organizations, users},
};

/// The organization with this id or name, or the default one.
///
/// # Errors
/// [`NotFound`](coder_core::ErrorKind::NotFound), also for one that `subject` may not see.
pub(crate) async fn organization(
    state: &AppState,
    subject: &Subject,
    name: &str,
) -> Result<OrganizationId, Error> {
    Ok(organizations::get(&state.deps, subject, name).await?.id)
}

/// The user with this id or name, or `me`.
///
/// # Errors
/// [`NotFound`](coder_core::ErrorKind::NotFound), also for one that `subject` may not see.
pub(crate) async fn user(state: &AppState, subject: &Subject, name: &str) -> Result<UserId, Error> {
    let mut tx = state.deps.begin().await?;
    let user = users::find(&state.deps, &mut *tx, subject, name).await?;
    tx.commit().await?;
    Ok(user.id)
}

/// As [`user`], for someone whose workspace is asked about: who may see a workspace may name its owner,
/// and the workspace is what permissions are then asked for.
///
/// # Errors
/// [`NotFound`](coder_core::ErrorKind::NotFound).
pub(crate) async fn owner(
    state: &AppState,
    subject: &Subject,
    name: &str,
) -> Result<UserId, Error> {
    if name == "me" {
        return Ok(subject.user_id);
    }
    let mut tx = state.deps.begin().await?;
    let found = match name.parse::<UserId>() {
        Ok(id) => tx.users().get(id).await?,
        Err(_) => tx.users().by_username(name).await?,
    };
    tx.commit().await?;
    found.map(|user| user.id).ok_or_else(Error::not_found)
}

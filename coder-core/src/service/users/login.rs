//! Signing in and out.

use crate::{
    Error, ErrorKind,
    event::Event,
    password::{PasswordHasher, is_too_long},
    secret::Secret,
    service::{
        Deps,
        sessions::{Session, create_session},
    },
    user::{LoginType, UserStatus},
};
use chrono::TimeDelta;

/// Signs in with e-mail and password and answers the text of a session's token. What is wrong is not told
/// apart, and takes the same time. An account that was dormant is active again.
///
/// # Errors
/// [`Unauthenticated`](ErrorKind::Unauthenticated); [`Forbidden`](ErrorKind::Forbidden) for the right
/// password of an account that may not use it.
pub async fn login(
    deps: &Deps,
    hasher: &dyn PasswordHasher,
    email: &str,
    password: Secret,
    lifetime: TimeDelta,
    owners_only: bool,
) -> Result<Secret, Error> {
    let refused = || {
        Error::new(
            ErrorKind::Unauthenticated,
            "The e-mail or the password is wrong.",
        )
    };
    if is_too_long(password.expose()) {
        return Err(refused());
    }
    let mut tx = deps.begin().await?;
    let found = tx.users().by_email(email).await?;
    tx.rollback().await?;
    // No transaction stays open while the password is checked.
    let usable = found.filter(|user| !user.deleted && user.login_type == LoginType::Password);
    let hash = usable.as_ref().and_then(|user| user.password_hash.clone());
    let right = hasher.verify(password, hash).await?;
    let user = usable.filter(|_| right).ok_or_else(refused)?;
    if owners_only && !user.roles.iter().any(|role| role == "owner") {
        let message = "Signing in by password is switched off.";
        return Err(Error::new(ErrorKind::Forbidden, message));
    }

    let mut tx = deps.begin().await?;
    // It may have changed meanwhile.
    let user = tx.users().get(user.id).await?;
    let mut user = user.filter(|user| !user.deleted).ok_or_else(refused)?;
    if user.status == UserStatus::Suspended {
        let message = "Your account is suspended, ask an administrator.";
        return Err(Error::new(ErrorKind::Unauthenticated, message));
    }
    let now = deps.now();
    if user.status == UserStatus::Dormant {
        user.status = UserStatus::Active;
        user.updated_at = now;
        tx.users().update(&user).await?;
    }
    tx.users().touch(user.id, now).await?;
    let token = create_session(deps, &mut *tx, user.id, LoginType::Password, lifetime).await?;
    tx.commit().await?;
    Ok(token)
}

/// Ends a session, and what lives on it.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn logout(deps: &Deps, session: &Session) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    tx.api_keys().delete(&session.key.id).await?;
    let event = Event::UserUpdated {
        user_id: session.user.id,
        at: deps.now(),
    };
    tx.publish(event).await?;
    tx.commit().await?;
    Ok(())
}

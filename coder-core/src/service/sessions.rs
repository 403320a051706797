//! Sessions and tokens: proving who asks.

use super::Deps;
use crate::{
    Error, ErrorKind,
    api_key::{ApiKey, NewKey, parse_token},
    id::UserId,
    rbac::{SCOPE_ALL, Subject},
    secret::Secret,
    store::Transaction,
    user::{LoginType, User, UserStatus},
};
use chrono::TimeDelta;

/// The use of a key is noted, and its end moved, at most this often.
const NOTE_USE_AFTER: TimeDelta = TimeDelta::hours(1);

/// Someone who proved who they are.
#[derive(Clone, Debug)]
pub struct Session {
    /// The account.
    pub user: User,
    /// The credential.
    pub key: ApiKey,
    /// What permissions are asked for.
    pub subject: Subject,
}

/// Checks a token and notes its use. A session that is used lives on for its lifetime, if
/// `refresh_sessions`; a token ends when it was said to.
///
/// # Errors
/// [`Unauthenticated`](ErrorKind::Unauthenticated) whatever is wrong with the token or its account.
pub async fn authenticate(
    deps: &Deps,
    token: &str,
    refresh_sessions: bool,
) -> Result<Session, Error> {
    let (id, hash) = parse_token(token).ok_or_else(refused)?;
    let mut tx = deps.begin().await?;
    let key = tx.api_keys().get(id).await?;
    let key = key
        .filter(|key| key.secret_hash == hash)
        .ok_or_else(refused)?;
    let session = resume(deps, &mut *tx, key, refresh_sessions).await?;
    tx.commit().await?;
    Ok(session)
}

/// Checks again that a session that was authenticated before still holds, for connections that live long.
///
/// # Errors
/// [`Unauthenticated`](ErrorKind::Unauthenticated) when it does not.
pub async fn still_valid(deps: &Deps, session: &Session) -> Result<Session, Error> {
    let mut tx = deps.begin().await?;
    let key = tx.api_keys().get(&session.key.id).await?;
    let same = |key: &ApiKey| key.secret_hash == session.key.secret_hash;
    let key = key.filter(same).ok_or_else(refused)?;
    let session = resume(deps, &mut *tx, key, false).await?;
    tx.commit().await?;
    Ok(session)
}

async fn resume(
    deps: &Deps,
    tx: &mut dyn Transaction,
    mut key: ApiKey,
    refresh_sessions: bool,
) -> Result<Session, Error> {
    let now = deps.now();
    let user = tx.users().get(key.user_id).await?;
    let mut user = user
        .filter(|user| !user.deleted && user.status != UserStatus::Suspended)
        .ok_or_else(refused)?;
    if !key.is_valid_at(now) {
        return Err(refused());
    }
    let until = if refresh_sessions && key.login_type != LoginType::Token {
        key.expires_at
            .max(now + TimeDelta::seconds(key.lifetime_seconds))
    } else {
        key.expires_at
    };
    if now - key.last_used >= NOTE_USE_AFTER || until - key.expires_at >= NOTE_USE_AFTER {
        tx.api_keys().touch(&key.id, now, until).await?;
        tx.users().touch(user.id, now).await?;
        key.last_used = now;
        key.expires_at = until;
        user.last_seen_at = Some(now);
    }
    if user.status == UserStatus::Dormant {
        user.status = UserStatus::Active;
        user.updated_at = now;
        tx.users().update(&user).await?;
    }
    let subject = subject_of(tx, &user).await?.with_scopes(key.scopes.clone());
    Ok(Session { user, key, subject })
}

/// The subject of an account, with the full scope.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn subject_of(tx: &mut dyn Transaction, user: &User) -> Result<Subject, Error> {
    let memberships = tx.organizations().memberships(&[user.id]).await?;
    let organizations = memberships.into_iter();
    let organizations = organizations.map(|member| (member.organization_id, member.roles));
    Ok(Subject::user(
        user.id,
        user.roles.clone(),
        organizations.collect(),
    ))
}

/// Opens a session for an account and answers the text of its token.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn create_session(
    deps: &Deps,
    tx: &mut dyn Transaction,
    user: UserId,
    login_type: LoginType,
    lifetime: TimeDelta,
) -> Result<Secret, Error> {
    let new = NewKey::generate(&*deps.entropy);
    let now = deps.now();
    let key = ApiKey {
        id: new.id,
        secret_hash: new.secret_hash,
        user_id: user,
        last_used: now,
        expires_at: now + lifetime,
        created_at: now,
        updated_at: now,
        login_type,
        lifetime_seconds: lifetime.num_seconds(),
        scopes: vec![SCOPE_ALL.to_owned()],
        token_name: String::new(),
    };
    tx.api_keys().insert(&key).await?;
    Ok(new.token)
}

/// The one text for every credential that is refused.
fn refused() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "You are signed out or your session has ended, sign in to go on.",
    )
}

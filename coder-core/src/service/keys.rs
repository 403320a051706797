//! Tokens and session keys as their owners manage them.

use super::{
    Deps,
    sessions::create_session,
    users::{find, require_rank},
};
use crate::{
    Error, ErrorKind,
    api_key::{ApiKey, NewKey},
    event::Event,
    id::UserId,
    name::check_name,
    rbac::{Action, Object, ResourceType, SCOPE_ALL, SCOPE_APPLICATION_CONNECT, Subject},
    secret::Secret,
    store::Transaction,
    user::{LoginType, User},
};
use chrono::TimeDelta;

/// Tokens that an account may have.
const MAX_TOKENS: usize = 500;

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Unique per user; made up when empty.
    pub name: String,
    /// How long it works; `None` for the default.
    pub lifetime: Option<TimeDelta>,
    /// What it may be used for; everything when empty.
    pub scopes: Vec<String>,
}

/// How long tokens may work.
#[derive(Clone, Copy, Debug)]
pub struct TokenLifetimes {
    /// When none is asked for.
    pub default: TimeDelta,
    /// At most.
    pub max: TimeDelta,
    /// At most, for an owner's.
    pub max_admin: TimeDelta,
}

impl TokenLifetimes {
    /// The longest life of this user's tokens.
    #[must_use]
    pub fn max_for(&self, user: &User) -> TimeDelta {
        if user.roles.iter().any(|role| role == "owner") {
            self.max_admin.min(self.max)
        } else {
            self.max
        }
    }
}

/// All scopes that a credential may be given.
#[must_use]
pub fn scopes() -> Vec<String> {
    let mut scopes = vec![SCOPE_ALL.to_owned(), SCOPE_APPLICATION_CONNECT.to_owned()];
    for kind in ResourceType::ALL
        .iter()
        .filter(|&&kind| kind != ResourceType::System)
    {
        scopes.push(format!("{kind}:*"));
        scopes.extend(Action::ALL.iter().map(|action| format!("{kind}:{action}")));
    }
    scopes
}

/// Makes a token and answers its text. A credential never gives more than it has.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden),
/// [`InvalidInput`](ErrorKind::InvalidInput) and [`Conflict`](ErrorKind::Conflict) naming fields.
pub async fn create_token(
    deps: &Deps,
    subject: &Subject,
    user: &str,
    new: NewToken,
    lifetimes: &TokenLifetimes,
) -> Result<Secret, Error> {
    let mut tx = deps.begin().await?;
    let user = owner(deps, &mut *tx, subject, user, Action::Create).await?;
    let scopes = requested_scopes(subject, new.scopes)?;
    let max = lifetimes.max_for(&user);
    let lifetime = new.lifetime.unwrap_or_else(|| lifetimes.default.min(max));
    if lifetime <= TimeDelta::zero() || lifetime > max {
        let detail = format!("must be more than 0 and at most {} hours", max.num_hours());
        return Err(Error::invalid_field("lifetime", detail));
    }
    let key = NewKey::generate(&*deps.entropy);
    let token_name = if new.name.is_empty() {
        format!("token-{}", key.id)
    } else {
        check_name("token_name", &new.name)?;
        new.name
    };
    if tx.api_keys().list(user.id).await?.len() >= MAX_TOKENS {
        return Err(Error::conflict(format!(
            "The user has {MAX_TOKENS} keys, delete some first."
        )));
    }
    let now = deps.now();
    let stored = ApiKey {
        id: key.id,
        secret_hash: key.secret_hash,
        user_id: user.id,
        last_used: now,
        expires_at: now + lifetime,
        created_at: now,
        updated_at: now,
        login_type: LoginType::Token,
        lifetime_seconds: lifetime.num_seconds(),
        scopes,
        token_name,
    };
    tx.api_keys().insert(&stored).await.map_err(|error| {
        if error.is_conflict_with("api_keys_user_id_token_name_key") {
            let message = "A token with this name exists already.";
            return Error::conflict(message).with_field("token_name", "is taken");
        }
        error.into()
    })?;
    tx.commit().await?;
    Ok(key.token)
}

/// Makes a session key for oneself, as the command line gets one from a browser.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden).
pub async fn create_key(
    deps: &Deps,
    subject: &Subject,
    user: &str,
    lifetime: TimeDelta,
) -> Result<Secret, Error> {
    let mut tx = deps.begin().await?;
    let user = owner(deps, &mut *tx, subject, user, Action::Create).await?;
    // A session may do everything, so only what may do everything makes one.
    requested_scopes(subject, vec![SCOPE_ALL.to_owned()])?;
    let token = create_session(deps, &mut *tx, user.id, user.login_type, lifetime).await?;
    tx.commit().await?;
    Ok(token)
}

/// The tokens of a user, newest first; sessions are no tokens.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn list_tokens(
    deps: &Deps,
    subject: &Subject,
    user: &str,
    include_expired: bool,
) -> Result<Vec<ApiKey>, Error> {
    let mut tx = deps.begin().await?;
    let user = find(deps, &mut *tx, subject, user).await?;
    deps.require(subject, Action::Read, &keys_of(user.id))?;
    let now = deps.now();
    let mut keys = tx.api_keys().list(user.id).await?;
    tx.commit().await?;
    keys.retain(|key| {
        key.login_type == LoginType::Token && (include_expired || key.is_valid_at(now))
    });
    Ok(keys)
}

/// One key of a user, by id.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn get_key(
    deps: &Deps,
    subject: &Subject,
    user: &str,
    id: &str,
) -> Result<ApiKey, Error> {
    let mut tx = deps.begin().await?;
    let key = key_of(deps, &mut *tx, subject, user, id, Action::Read).await?;
    tx.commit().await?;
    Ok(key)
}

/// One token of a user, by name.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound).
pub async fn get_token(
    deps: &Deps,
    subject: &Subject,
    user: &str,
    name: &str,
) -> Result<ApiKey, Error> {
    let mut tx = deps.begin().await?;
    let user = find(deps, &mut *tx, subject, user).await?;
    let key = tx.api_keys().by_name(user.id, name).await?;
    tx.commit().await?;
    deps.permitted(subject, Action::Read, key)
}

/// Revokes a key.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden).
pub async fn delete_key(deps: &Deps, subject: &Subject, user: &str, id: &str) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let key = key_of(deps, &mut *tx, subject, user, id, Action::Delete).await?;
    tx.api_keys().delete(&key.id).await?;
    tx.publish(Event::UserUpdated {
        user_id: key.user_id,
        at: deps.now(),
    })
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Ends a key now but keeps it listed.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden).
pub async fn expire_key(deps: &Deps, subject: &Subject, user: &str, id: &str) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let key = key_of(deps, &mut *tx, subject, user, id, Action::Update).await?;
    let now = deps.now();
    tx.api_keys().touch(&key.id, key.last_used, now).await?;
    tx.publish(Event::UserUpdated {
        user_id: key.user_id,
        at: now,
    })
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Whose keys are changed. Keys of others are made only by owners: a key is the whole account.
async fn owner(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    user: &str,
    action: Action,
) -> Result<User, Error> {
    let user = find(deps, tx, subject, user).await?;
    deps.require(subject, action, &keys_of(user.id))?;
    require_rank(tx, subject, &user).await?;
    Ok(user)
}

async fn key_of(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    user: &str,
    id: &str,
    action: Action,
) -> Result<ApiKey, Error> {
    let user = find(deps, tx, subject, user).await?;
    let key = tx.api_keys().get(id).await?;
    deps.permitted(subject, action, key.filter(|key| key.user_id == user.id))
}

const fn keys_of(user: UserId) -> Object {
    Object::of(ResourceType::ApiKey).owned_by(user)
}

/// Checks scopes, and that each is within what the caller's own credential may do.
fn requested_scopes(subject: &Subject, mut asked: Vec<String>) -> Result<Vec<String>, Error> {
    if asked.is_empty() {
        asked.push(SCOPE_ALL.to_owned());
    }
    for scope in &mut asked {
        match scope.as_str() {
            "all" => SCOPE_ALL.clone_into(scope),
            "application_connect" => SCOPE_APPLICATION_CONNECT.clone_into(scope),
            _ => {}
        }
    }
    asked.sort();
    asked.dedup();
    let known = scopes();
    let own = &subject.scopes;
    let everything = own.iter().any(|scope| scope == SCOPE_ALL || scope == "all");
    for scope in &asked {
        if !known.contains(scope) {
            return Err(Error::invalid_field(
                "scopes",
                format!("{scope:?} is no scope"),
            ));
        }
        let kind = scope.split_once(':').map_or("", |(kind, _)| kind);
        let wider = format!("{kind}:*");
        if !everything && !own.contains(scope) && !own.contains(&wider) {
            let message = format!("Your own token does not have the scope {scope:?}.");
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
    }
    Ok(asked)
}

//! Changes of accounts.

use super::{
    access::require_rank,
    create::taken,
    find::{UserWithOrganizations, find, with_organizations},
};
use crate::{
    Error, Timestamp,
    event::Event,
    name::{check_name, check_real_name},
    password::{self, PasswordHasher},
    rbac::{Action, AsObject as _, Subject},
    secret::Secret,
    service::Deps,
    store::{Page, Transaction},
    user::{LoginType, User, UserStatus},
    workspace::WorkspaceFilter,
};

/// What a profile becomes.
#[derive(Clone, Debug)]
pub struct ProfileChange {
    /// Username.
    pub username: String,
    /// Full name, may be empty.
    pub name: String,
    /// URL of a picture; `None` leaves it.
    pub avatar_url: Option<String>,
}

/// Changes username, name and picture.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Forbidden`](crate::ErrorKind::Forbidden),
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Conflict`](crate::ErrorKind::Conflict) naming fields.
pub async fn update_profile(
    deps: &Deps,
    subject: &Subject,
    name: &str,
    change: ProfileChange,
) -> Result<UserWithOrganizations, Error> {
    check_name("username", &change.username)?;
    check_real_name("name", &change.name)?;
    let mut tx = deps.begin().await?;
    let mut user = find(deps, &mut *tx, subject, name).await?;
    deps.require(subject, Action::UpdatePersonal, &user.as_object())?;
    require_rank(&mut *tx, subject, &user).await?;
    user.username = change.username;
    user.name = change.name;
    if let Some(avatar_url) = change.avatar_url {
        check_avatar(&avatar_url)?;
        user.avatar_url = avatar_url;
    }
    save(deps, tx, user).await
}

/// Sets a new password and ends all sessions and tokens of the account. One's own needs the old one.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Forbidden`](crate::ErrorKind::Forbidden),
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming fields.
pub async fn change_password(
    deps: &Deps,
    subject: &Subject,
    hasher: &dyn PasswordHasher,
    name: &str,
    old: Secret,
    new: Secret,
) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let user = find(deps, &mut *tx, subject, name).await?;
    deps.require(subject, Action::UpdatePersonal, &user.as_object())?;
    require_rank(&mut *tx, subject, &user).await?;
    tx.rollback().await?;
    if user.login_type != LoginType::Password {
        return Err(Error::invalid(
            "This account does not sign in with a password.",
        ));
    }
    password::check("password", &new)?;
    if user.id == subject.user_id && !hasher.verify(old, user.password_hash.clone()).await? {
        return Err(Error::invalid_field("old_password", "is wrong"));
    }
    if hasher
        .verify(new.clone(), user.password_hash.clone())
        .await?
    {
        return Err(Error::invalid_field("password", "must not be the old one"));
    }
    let hash = hasher.hash(new).await?;

    let mut tx = deps.begin().await?;
    let mut user = deps.permitted(
        subject,
        Action::UpdatePersonal,
        tx.users().get(user.id).await?,
    )?;
    user.password_hash = Some(hash);
    tx.api_keys().delete_of_user(user.id).await?;
    save(deps, tx, user).await?;
    Ok(())
}

/// Suspends an account or makes it active again.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Forbidden`](crate::ErrorKind::Forbidden),
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for one's own account or an owner's.
pub async fn set_status(
    deps: &Deps,
    subject: &Subject,
    name: &str,
    status: UserStatus,
) -> Result<UserWithOrganizations, Error> {
    let mut tx = deps.begin().await?;
    let mut user = find(deps, &mut *tx, subject, name).await?;
    deps.require(subject, Action::Update, &user.as_object())?;
    require_rank(&mut *tx, subject, &user).await?;
    if status == UserStatus::Suspended {
        if user.id == subject.user_id {
            return Err(Error::invalid("You cannot suspend yourself."));
        }
        if user.roles.iter().any(|role| role == "owner") {
            return Err(Error::invalid(
                "An owner cannot be suspended, take the role first.",
            ));
        }
    }
    user.status = status;
    save(deps, tx, user).await
}

/// Deletes an account; its name becomes free again.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Forbidden`](crate::ErrorKind::Forbidden),
/// [`Conflict`](crate::ErrorKind::Conflict) while it has workspaces.
pub async fn delete(deps: &Deps, subject: &Subject, name: &str) -> Result<(), Error> {
    let mut tx = deps.begin().await?;
    let mut user = find(deps, &mut *tx, subject, name).await?;
    deps.require(subject, Action::Delete, &user.as_object())?;
    require_rank(&mut *tx, subject, &user).await?;
    if user.id == subject.user_id {
        return Err(Error::invalid("You cannot delete yourself."));
    }
    let theirs = WorkspaceFilter {
        owner_id: Some(user.id),
        ..WorkspaceFilter::default()
    };
    let one = Page {
        offset: 0,
        limit: 1,
    };
    let (_, workspaces) = tx.workspaces().list(&theirs, subject.user_id, one).await?;
    if workspaces > 0 {
        let message = "The user has workspaces, delete them first.";
        return Err(Error::conflict(message));
    }
    user.deleted = true;
    tx.api_keys().delete_of_user(user.id).await?;
    tx.git_ssh_keys().delete(user.id).await?;
    save(deps, tx, user).await?;
    Ok(())
}

/// Stores a changed account and tells its sessions to look again.
pub(super) async fn save(
    deps: &Deps,
    mut tx: Box<dyn Transaction>,
    mut user: User,
) -> Result<UserWithOrganizations, Error> {
    let now: Timestamp = deps.now();
    user.updated_at = now;
    tx.users().update(&user).await.map_err(taken)?;
    tx.publish(Event::UserUpdated {
        user_id: user.id,
        at: now,
    })
    .await?;
    let user = with_organizations(&mut *tx, user).await?;
    tx.commit().await?;
    Ok(user)
}

/// A picture is fetched by browsers, so it has to be a plain link or a path.
fn check_avatar(url: &str) -> Result<(), Error> {
    let wrong = || Error::invalid_field("avatar_url", "must be a http(s) URL or empty");
    if url.is_empty() {
        return Ok(());
    }
    if url.len() > 2048 {
        return Err(wrong());
    }
    match url::Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(()),
        _ => Err(wrong()),
    }
}

//! New accounts.

use super::{
    access::may_assign,
    find::{UserWithOrganizations, with_organizations},
    roles::check_roles,
};
use crate::{
    Error, ErrorKind,
    event::Event,
    id::{OrganizationId, UserId},
    name::{check_email, check_name, check_real_name},
    organization::OrganizationMember,
    password::{self, PasswordHasher},
    rbac::{Action, Object, ResourceType, Subject},
    secret::Secret,
    service::{Deps, organizations::ensure_default},
    store::{StoreError, Transaction},
    user::{LoginType, User, UserStatus},
};

/// The setting that names the first user, so that two that come at once do not both become it.
const FIRST_USER: &str = "first_user_id";

/// Who sets the deployment up.
#[derive(Clone, Debug)]
pub struct FirstUser {
    /// E-mail address.
    pub email: String,
    /// Username.
    pub username: String,
    /// Full name, may be empty.
    pub name: String,
    /// Password.
    pub password: Secret,
}

/// An account to make.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// E-mail address.
    pub email: String,
    /// Username.
    pub username: String,
    /// Full name, may be empty.
    pub name: String,
    /// Needed with [`LoginType::Password`], refused otherwise.
    pub password: Secret,
    /// How the account signs in.
    pub login_type: LoginType,
    /// Whether it may be used.
    pub status: UserStatus,
    /// Its organizations; the default one when empty.
    pub organization_ids: Vec<OrganizationId>,
    /// Site roles.
    pub roles: Vec<String>,
}

/// Whether the deployment was set up.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable).
pub async fn first_user_exists(deps: &Deps) -> Result<bool, Error> {
    let mut tx = deps.begin().await?;
    let count = tx.users().count().await?;
    tx.commit().await?;
    Ok(count > 0)
}

/// Makes the first account, an owner and a member of the default organization. Needs no permission, works
/// once.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) when there is an account, [`InvalidInput`](ErrorKind::InvalidInput)
/// naming fields.
pub async fn create_first(
    deps: &Deps,
    hasher: &dyn PasswordHasher,
    first: FirstUser,
) -> Result<(UserId, OrganizationId), Error> {
    let taken = || Error::conflict("The first user exists already.");
    if first_user_exists(deps).await? {
        return Err(taken());
    }
    let new = NewUser {
        email: first.email,
        username: first.username,
        name: first.name,
        password: first.password,
        login_type: LoginType::Password,
        status: UserStatus::Active,
        organization_ids: Vec::new(),
        roles: vec!["owner".to_owned()],
    };
    check(&new)?;
    let user = build(deps, hasher, new).await?;
    let mut tx = deps.begin().await?;
    let organization = ensure_default(deps, &mut *tx).await?;
    let id = user.id.to_string();
    if tx.settings().get_or_insert(FIRST_USER, &id).await? != id || tx.users().count().await? > 0 {
        return Err(taken());
    }
    insert(deps, &mut *tx, &user, &[organization.id]).await?;
    tx.commit().await?;
    Ok((user.id, organization.id))
}

/// Makes an account.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) without permission or for an unknown organization,
/// [`Forbidden`](ErrorKind::Forbidden) for roles that the caller may not give,
/// [`InvalidInput`](ErrorKind::InvalidInput) and [`Conflict`](ErrorKind::Conflict) naming fields.
pub async fn create(
    deps: &Deps,
    subject: &Subject,
    hasher: &dyn PasswordHasher,
    new: NewUser,
) -> Result<UserWithOrganizations, Error> {
    let of = Object::of;
    if !deps.allows(subject, Action::Create, &of(ResourceType::User)) {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "You may not create users.",
        ));
    }
    if !new.roles.is_empty() && !may_assign(deps, subject, Action::Assign) {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "You may not give site roles.",
        ));
    }
    check(&new)?;
    let asked = new.organization_ids.clone();
    let user = build(deps, hasher, new).await?;
    let mut tx = deps.begin().await?;
    let organizations = if asked.is_empty() {
        vec![ensure_default(deps, &mut *tx).await?.id]
    } else {
        asked
    };
    for &id in &organizations {
        let found = tx.organizations().get(id).await?;
        let member = of(ResourceType::OrganizationMember).in_organization(id);
        if found.is_none() || !deps.allows(subject, Action::Create, &member) {
            let detail = format!("{id} is no organization to which you may add members");
            return Err(Error::invalid_field("organization_ids", detail));
        }
    }
    insert(deps, &mut *tx, &user, &organizations).await?;
    let user = with_organizations(&mut *tx, user).await?;
    tx.commit().await?;
    Ok(user)
}

fn check(new: &NewUser) -> Result<(), Error> {
    check_email("email", &new.email)?;
    check_name("username", &new.username)?;
    check_real_name("name", &new.name)?;
    check_roles(&new.roles)?;
    match (new.login_type, new.password.expose().is_empty()) {
        (LoginType::Password, _) => password::check("password", &new.password),
        (LoginType::None | LoginType::Oidc | LoginType::Github, true) => Ok(()),
        (LoginType::None | LoginType::Oidc | LoginType::Github, false) => {
            let detail = "must be absent when the account does not sign in with one";
            Err(Error::invalid_field("password", detail))
        }
        (LoginType::Token, _) => Err(Error::invalid_field(
            "login_type",
            "is for tokens, not for accounts",
        )),
    }
}

/// The hash is computed before a transaction is open: it takes long.
async fn build(deps: &Deps, hasher: &dyn PasswordHasher, new: NewUser) -> Result<User, Error> {
    let password_hash = match new.login_type {
        LoginType::Password => Some(hasher.hash(new.password).await?),
        _ => None,
    };
    let now = deps.now();
    Ok(User {
        id: UserId::generate(&*deps.entropy),
        email: new.email,
        username: new.username,
        name: new.name,
        avatar_url: String::new(),
        password_hash,
        created_at: now,
        updated_at: now,
        last_seen_at: None,
        status: new.status,
        login_type: new.login_type,
        roles: new.roles,
        deleted: false,
    })
}

async fn insert(
    deps: &Deps,
    tx: &mut dyn Transaction,
    user: &User,
    organizations: &[OrganizationId],
) -> Result<(), Error> {
    tx.users().insert(user).await.map_err(taken)?;
    for &organization_id in organizations {
        let now = deps.now();
        let member = OrganizationMember {
            organization_id,
            user_id: user.id,
            roles: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        tx.organizations().insert_member(&member).await?;
    }
    let event = Event::UserUpdated {
        user_id: user.id,
        at: deps.now(),
    };
    tx.publish(event).await?;
    Ok(())
}

/// Says which field of an account is taken.
pub(super) fn taken(error: StoreError) -> Error {
    for (constraint, field) in [
        ("users_email_key", "email"),
        ("users_username_key", "username"),
    ] {
        if error.is_conflict_with(constraint) {
            let message = format!("A user with this {field} exists already.");
            return Error::conflict(message)
                .with_field(field, "is taken")
                .with_source(error);
        }
    }
    error.into()
}

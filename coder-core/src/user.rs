//! People and service accounts.

use crate::{Timestamp, enums::string_enum, id::UserId, secret::Secret};

string_enum! {
    /// Whether an account may be used.
    pub enum UserStatus {
        /// In use.
        Active => "active",
        /// Not seen for a long time; becomes active again at the next login.
        Dormant => "dormant",
        /// Locked by an administrator: every credential is refused.
        Suspended => "suspended",
    }
}

string_enum! {
    /// How an account signs in, or how an API key came to be.
    pub enum LoginType {
        /// E-mail and password.
        Password => "password",
        /// GitHub OAuth.
        Github => "github",
        /// OpenID Connect.
        Oidc => "oidc",
        /// A long-lived token (API keys only).
        Token => "token",
        /// Cannot sign in.
        None => "none",
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// Unique among accounts that are not deleted, ignoring case.
    pub email: String,
    /// Unique among accounts that are not deleted, ignoring case.
    pub username: String,
    /// Full name, may be empty.
    pub name: String,
    /// URL of a picture, may be empty.
    pub avatar_url: String,
    /// A PHC string; `None` when the account has no password.
    pub password_hash: Option<Secret>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the account was changed last.
    pub updated_at: Timestamp,
    /// When the account was used last.
    pub last_seen_at: Option<Timestamp>,
    /// Whether it may be used.
    pub status: UserStatus,
    /// How it signs in.
    pub login_type: LoginType,
    /// Names of site-wide roles beyond the implicit `member`.
    pub roles: Vec<String>,
    /// Deleted accounts are kept, their names become free again.
    pub deleted: bool,
}

/// What a list of users is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Part of the username, e-mail or name, ignoring case.
    pub search: Option<String>,
    /// Any of these states; all when empty.
    pub status: Vec<UserStatus>,
    /// Holds any of these site roles, where `member` is held by everyone; all when empty.
    pub roles: Vec<String>,
}

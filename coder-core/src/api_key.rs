//! Session keys and long-lived tokens.

use crate::{
    Timestamp,
    clock::Entropy,
    id::UserId,
    secret::{Secret, TokenHash, random_text},
    user::LoginType,
};

/// Characters of a key's public part.
pub const ID_LENGTH: usize = 10;
/// Characters of a key's secret part.
pub const SECRET_LENGTH: usize = 22;

/// A credential of a user. Its text is `<id>-<secret>`; only the hash of the secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part, 10 letters and digits.
    pub id: String,
    /// SHA-256 of the secret part.
    pub secret_hash: TokenHash,
    /// Whose key it is.
    pub user_id: UserId,
    /// When it was used last (written at most hourly).
    pub last_used: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// How it came to be: a login, or [`LoginType::Token`].
    pub login_type: LoginType,
    /// For how long it was asked.
    pub lifetime_seconds: i64,
    /// What it may be used for: `coder:all`, `coder:application_connect` or `resource:action`.
    pub scopes: Vec<String>,
    /// Name of a token, unique per user; empty for sessions.
    pub token_name: String,
}

/// The text of a new key and what to keep of it.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Shown once.
    pub token: Secret,
    /// The public part.
    pub id: String,
    /// The hash to keep.
    pub secret_hash: TokenHash,
}

impl NewKey {
    /// A fresh key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let id = random_text(entropy, ID_LENGTH);
        let secret = random_text(entropy, SECRET_LENGTH);
        Self {
            token: Secret::new(format!("{id}-{secret}")),
            secret_hash: TokenHash::of(&secret),
            id,
        }
    }
}

/// Splits a token's text into the id and the hash of its secret; `None` when it has not that form.
#[must_use]
pub fn parse_token(token: &str) -> Option<(&str, TokenHash)> {
    let (id, secret) = token.split_once('-')?;
    let word = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    (word(id, ID_LENGTH) && word(secret, SECRET_LENGTH)).then(|| (id, TokenHash::of(secret)))
}

impl ApiKey {
    /// Whether the key still works at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsEntropy;

    #[test]
    fn a_generated_key_parses_back() {
        let key = NewKey::generate(&OsEntropy);
        let (id, hash) = parse_token(key.token.expose()).expect("own form");
        assert_eq!((id, hash), (key.id.as_str(), key.secret_hash));
        assert!(!format!("{key:?}").contains(key.token.expose()));
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in [
            "",
            "-",
            "short-secret",
            "0123456789-",
            "0123456789_0123456789012345678901",
        ] {
            assert!(parse_token(text).is_none(), "{text}");
        }
    }
}

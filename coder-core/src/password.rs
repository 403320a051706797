//! Passwords: the policy, and the trait of what hashes them.

use crate::{Error, secret::Secret};
use async_trait::async_trait;

/// The longest password, in characters: longer ones are refused before anything is computed from them.
pub const MAX_LENGTH: usize = 64;
/// The least strength, in bits, by [`strength`].
pub const MIN_STRENGTH: u32 = 52;

/// Hashes passwords. Hashing is slow on purpose, so an implementation runs it where it blocks nobody and
/// bounds how much of it happens at once.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash of a password with a fresh salt, as a PHC string.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when too many wait already.
    async fn hash(&self, password: Secret) -> Result<Secret, Error>;

    /// Whether a password has this hash. Without a hash the answer is `false` after the same work, so that
    /// the time does not tell whether an account exists.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when too many wait already.
    async fn verify(&self, password: Secret, hash: Option<Secret>) -> Result<bool, Error>;
}

/// Checks a new password.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming `field`.
pub fn check(field: &str, password: &Secret) -> Result<(), Error> {
    let password = password.expose();
    if password.is_empty() {
        return Err(Error::invalid_field(field, "is required"));
    }
    if is_too_long(password) {
        let detail = format!("must have at most {MAX_LENGTH} characters");
        return Err(Error::invalid_field(field, detail));
    }
    if strength(password) < MIN_STRENGTH {
        let detail = "is too easy to guess: make it longer or use more kinds of characters";
        return Err(Error::invalid_field(field, detail));
    }
    Ok(())
}

/// Whether a password is beyond what is ever accepted. Bytes are looked at first, they cost nothing.
#[must_use]
pub fn is_too_long(password: &str) -> bool {
    password.len() > 4 * MAX_LENGTH || password.chars().count() > MAX_LENGTH
}

/// An estimate of a password's strength in bits: what a random text of its kinds of characters would have,
/// where a character that repeats, continues or reverses the one before it counts for nothing.
#[must_use]
pub fn strength(password: &str) -> u32 {
    let mut kinds = [false; 5];
    let mut length = 0_u32;
    let mut before: Option<char> = None;
    for c in password.chars() {
        let kind = match c {
            'a'..='z' => 0,
            'A'..='Z' => 1,
            '0'..='9' => 2,
            ' '..='~' => 3,
            _ => 4,
        };
        if let Some(seen) = kinds.get_mut(kind) {
            *seen = true;
        }
        let near = before.is_some_and(|before| u32::from(before).abs_diff(u32::from(c)) <= 1);
        length += u32::from(!near);
        before = Some(c);
    }
    let sizes = [26_u32, 26, 10, 33, 100];
    let alphabet: u32 = kinds
        .iter()
        .zip(sizes)
        .filter(|(seen, _)| **seen)
        .map(|(_, size)| size)
        .sum();
    let bits = f64::from(length) * f64::from(alphabet.max(1)).log2();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a password has a few hundred bits at most, and none is negative"
    )]
    let bits = bits as u32;
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_and_long_passwords_are_refused() {
        let accepted = |text: &str| check("password", &Secret::new(text)).is_ok();
        for good in ["SomeSecurePassword!", "correct horse battery", "xK9#mQ2$vL"] {
            assert!(accepted(good), "{good}");
        }
        let long = "xK9#".repeat(17);
        let huge = "x".repeat(65_536);
        for bad in [
            "",
            "password",
            "12345678901234567890",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            &long,
            &huge,
        ] {
            assert!(!accepted(bad), "{bad:.30}");
        }
    }
}

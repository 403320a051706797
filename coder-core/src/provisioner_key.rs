//! Keys with which external daemons join an organization.

use crate::{
    Timestamp,
    clock::Entropy,
    id::{OrganizationId, ProvisionerKeyId},
    provisioner_job::Tags,
    secret::{Secret, TokenHash, random_text},
};

/// Characters of a key's secret, all letters and digits.
pub const SECRET_LENGTH: usize = 43;

/// Names that no key may have, each with the id that daemons carry which joined without a key: those inside
/// the server, those of a signed-in user, and those with the deployment's pre-shared key.
pub const RESERVED: [(ProvisionerKeyId, &str); 3] = [
    (ProvisionerKeyId::BUILT_IN, "built-in"),
    (ProvisionerKeyId::USER_AUTH, "user-auth"),
    (ProvisionerKeyId::PSK, "psk"),
];

impl ProvisionerKeyId {
    /// Stands for daemons that run inside the server.
    pub const BUILT_IN: Self = Self(uuid::Uuid::from_u128(1));
    /// Stands for daemons that joined with a user's session.
    pub const USER_AUTH: Self = Self(uuid::Uuid::from_u128(2));
    /// Stands for daemons that joined with the deployment's pre-shared key.
    pub const PSK: Self = Self(uuid::Uuid::from_u128(3));

    /// The name of an id that stands for no key.
    #[must_use]
    pub fn reserved_name(self) -> Option<&'static str> {
        let mut reserved = RESERVED.iter();
        reserved.find(|(id, _)| *id == self).map(|(_, name)| *name)
    }
}

/// A key of an organization. Its secret is shown once; only the hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerKey {
    /// Identifier.
    pub id: ProvisionerKeyId,
    /// Whose jobs the daemons that join with it take.
    pub organization_id: OrganizationId,
    /// Unique per organization, whatever the case.
    pub name: String,
    /// SHA-256 of the secret.
    pub secret_hash: TokenHash,
    /// The tags of the daemons that join with it.
    pub tags: Tags,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted. Daemons that run jobs then may still come back to end them.
    pub deleted_at: Option<Timestamp>,
}

/// A fresh secret with the hash to keep of it.
#[must_use]
pub fn generate_secret(entropy: &dyn Entropy) -> (Secret, TokenHash) {
    let secret = random_text(entropy, SECRET_LENGTH);
    let hash = TokenHash::of(&secret);
    (Secret::new(secret), hash)
}

/// The hash of a secret; `None` when the text has not the form of one.
#[must_use]
pub fn parse_secret(secret: &str) -> Option<TokenHash> {
    let valid =
        secret.len() == SECRET_LENGTH && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then(|| TokenHash::of(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsEntropy;

    #[test]
    fn a_generated_secret_parses_back() {
        let (secret, hash) = generate_secret(&OsEntropy);
        assert_eq!(secret.expose().len(), 43);
        assert_eq!(parse_secret(secret.expose()), Some(hash));
        assert_eq!(parse_secret(""), None);
        assert_eq!(parse_secret(&"-".repeat(43)), None);
        assert_eq!(parse_secret(&secret.expose()[1..]), None);
    }

    #[test]
    fn ids_that_stand_for_no_key_have_names() {
        assert_eq!(ProvisionerKeyId::PSK.reserved_name(), Some("psk"));
        let (secret, other) = (uuid::Uuid::from_u128(4), uuid::Uuid::nil());
        assert_eq!(ProvisionerKeyId(secret).reserved_name(), None);
        assert_eq!(ProvisionerKeyId(other).reserved_name(), None);
    }
}

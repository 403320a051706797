//! The key pair with which a user's workspaces reach Git hosts over SSH.

use crate::{
    Error, ErrorKind, Result, Timestamp, clock::Entropy, enums::string_enum, id::UserId,
    secret::Secret,
};
use ssh_key::{
    Algorithm, EcdsaCurve, LineEnding, PrivateKey,
    rand_core::{TryCryptoRng, TryRng},
};
use std::convert::Infallible;

string_enum! {
    /// What new keys are made with (`--ssh-keygen-algorithm`). RSA is not offered: keys of it are large, slow,
    /// and no implementation without a known timing leak is at hand.
    pub enum SshKeygenAlgorithm {
        /// Ed25519.
        Ed25519 => "ed25519",
        /// ECDSA over the curve P-256.
        Ecdsa => "ecdsa",
    }
}

/// The key pair of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSshKey {
    /// Whose it is.
    pub user_id: UserId,
    /// When the user first got one.
    pub created_at: Timestamp,
    /// When this pair was made.
    pub updated_at: Timestamp,
    /// In the format of OpenSSH, without a passphrase. Only the owner's agents and builds see it.
    pub private_key: Secret,
    /// The line for a Git host, as in `authorized_keys`, with a newline at the end.
    pub public_key: String,
}

impl GitSshKey {
    /// A fresh pair.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal); none in practice.
    pub fn generate(
        user_id: UserId,
        algorithm: SshKeygenAlgorithm,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Self> {
        let algorithm = match algorithm {
            SshKeygenAlgorithm::Ed25519 => Algorithm::Ed25519,
            SshKeygenAlgorithm::Ecdsa => Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            },
        };
        let failed = |error: ssh_key::Error| {
            Error::new(ErrorKind::Internal, "a key pair cannot be made").with_source(error)
        };
        let private = PrivateKey::random(&mut Rng(entropy), algorithm).map_err(failed)?;
        let public = private.public_key().to_openssh().map_err(failed)?;
        let private = private.to_openssh(LineEnding::LF).map_err(failed)?;
        Ok(Self {
            user_id,
            created_at: now,
            updated_at: now,
            private_key: Secret::new(private.as_str()),
            public_key: format!("{}\n", public.trim_end()),
        })
    }
}

/// Our randomness where the library wants its own trait.
struct Rng<'a>(&'a dyn Entropy);

impl TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dest);
        Ok(())
    }
}

impl TryCryptoRng for Rng<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsEntropy;
    use uuid::Uuid;

    #[test]
    fn both_halves_are_of_one_pair() {
        for (algorithm, word) in [
            (SshKeygenAlgorithm::Ed25519, "ssh-ed25519 "),
            (SshKeygenAlgorithm::Ecdsa, "ecdsa-sha2-nistp256 "),
        ] {
            let make = || {
                let (user, now) = (UserId(Uuid::from_u128(1)), Timestamp::default());
                GitSshKey::generate(user, algorithm, &OsEntropy, now).expect("pair")
            };
            let (key, other) = (make(), make());
            assert!(key.public_key.starts_with(word) && key.public_key.ends_with('\n'));
            let private = PrivateKey::from_openssh(key.private_key.expose()).expect("format");
            let public = private.public_key().to_openssh().expect("format");
            assert_eq!(public, key.public_key.trim_end());
            assert_ne!(other.public_key, key.public_key);
            assert!(!format!("{key:?}").contains("PRIVATE KEY"));
        }
    }
}

use std::fmt;

use coder_core::secret::Secret;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};
use sha2::{Digest, Sha256};

/// Separates these seeds from every other use of the same secret.
const DOMAIN: &[u8] = b"coder ssh host key v1";

/// The agent's ed25519 host key.
///
/// It is computed, not stored, so that it is the same after a restart and after a rebuild of the
/// workspace, and clients that remember host keys see no change.
#[derive(Clone)]
pub struct HostKey {
    seed: [u8; 32],
}

impl HostKey {
    /// Derives the key of an agent: SHA-256 over a fixed label, the secret and the three names,
    /// each preceded by its length.
    ///
    /// The key is as secret as `secret`, which has to be stable for as long as the key shall be.
    /// An empty secret gives a key that anybody can compute; that is as good as the tunnel is,
    /// since the tunnel is what authenticates both ends.
    #[must_use]
    pub fn derive(secret: &[u8], owner: &str, workspace: &str, agent: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [
            DOMAIN,
            secret,
            owner.as_bytes(),
            workspace.as_bytes(),
            agent.as_bytes(),
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self {
            seed: hash.finalize().into(),
        }
    }

    /// The key of a seed of 64 hexadecimal digits, as a server gives it in a manifest.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digits = text.chars().map(|digit| digit.to_digit(16));
        let mut seed = [0; 32];
        for byte in &mut seed {
            let (high, low) = (digits.next()??, digits.next()??);
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        digits.next().is_none().then_some(Self { seed })
    }

    /// The seed, for [`from_hex`](Self::from_hex). Who has it has the key.
    #[must_use]
    pub fn to_hex(&self) -> Secret {
        let digits = self.seed.iter().map(|byte| format!("{byte:02x}"));
        Secret::new(digits.collect::<String>())
    }

    /// The public key in the format of `known_hosts` (`ssh-ed25519 AAAA…`).
    #[must_use]
    pub fn public_key(&self) -> String {
        // Encoding a key that exists cannot fail; an empty text would match nothing.
        self.private_key()
            .public_key()
            .to_openssh()
            .unwrap_or_default()
    }

    /// The fingerprint as OpenSSH shows it (`SHA256:…`).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.private_key()
            .public_key()
            .fingerprint(HashAlg::Sha256)
            .to_string()
    }

    pub(super) fn private_key(&self) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&self.seed))
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("HostKey")
            .field(&self.fingerprint())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_stable_and_depends_on_every_part() {
        let key = HostKey::derive(b"secret", "alice", "dev", "main").public_key();
        assert!(key.starts_with("ssh-ed25519 AAAA"), "{key}");
        assert_eq!(
            key,
            HostKey::derive(b"secret", "alice", "dev", "main").public_key()
        );
        let others = [
            HostKey::derive(b"other", "alice", "dev", "main"),
            HostKey::derive(b"secret", "bob", "dev", "main"),
            HostKey::derive(b"secret", "alice", "prod", "main"),
            HostKey::derive(b"secret", "alice", "dev", "gpu"),
            HostKey::derive(b"secret", "alicedev", "", "main"),
        ];
        for other in others {
            assert_ne!(key, other.public_key());
        }
    }

    #[test]
    fn seeds_travel_as_hexadecimal_digits() {
        let key = HostKey::derive(b"secret", "alice", "dev", "main");
        let text = key.to_hex();
        assert_eq!(text.expose().len(), 64);
        let again = HostKey::from_hex(text.expose()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        for wrong in [
            "",
            "0",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"é".repeat(64),
        ] {
            assert!(HostKey::from_hex(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn debug_shows_no_seed() {
        let key = HostKey::derive(b"secret", "alice", "dev", "main");
        assert!(format!("{key:?}").starts_with("HostKey(\"SHA256:"));
    }
}

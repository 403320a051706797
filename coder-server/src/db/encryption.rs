//! Encryption of secrets that have to be read again, so that a copy of the database alone gives none of them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use coder_core::secret::Secret;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// Bytes of a key: AES-256.
const KEY_BYTES: usize = 32;

/// The keys of `--external-token-encryption-keys`: the first one encrypts, all decrypt. Without a key
/// secrets are kept as they are.
#[derive(Clone, Default)]
pub struct TokenEncryption {
    keys: Arc<[Key]>,
}

struct Key {
    /// Names the key beside what it encrypted; says nothing of it.
    id: String,
    key: RandomizedNonceKey,
}

/// Why a secret cannot be read, or a key not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// It is not 32 bytes as base64.
    #[error(
        "an encryption key must be 32 random bytes as base64, as from: openssl rand -base64 32"
    )]
    Key,
    /// None of the keys has this id.
    #[error(
        "the key {0} with which this was encrypted is not among --external-token-encryption-keys"
    )]
    UnknownKey(String),
    /// The text was changed, or belongs to another row.
    #[error("what is stored cannot be decrypted")]
    Broken,
}

/// A secret as it is stored.
pub(super) struct Stored {
    pub(super) text: String,
    /// Of the key that encrypted it; `None` when none did.
    pub(super) key_id: Option<String>,
}

impl TokenEncryption {
    /// Keys as base64, the one for new secrets first.
    ///
    /// # Errors
    /// [`EncryptionError::Key`].
    pub fn new(keys: &[Secret]) -> Result<Self, EncryptionError> {
        let keys = keys.iter().map(|key| {
            let bytes = STANDARD.decode(key.expose().trim());
            let bytes = bytes.map_err(|_| EncryptionError::Key)?;
            if bytes.len() != KEY_BYTES {
                return Err(EncryptionError::Key);
            }
            let hash = Sha256::digest(&bytes);
            let id = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
            Ok(Key {
                id: id.collect(),
                key: RandomizedNonceKey::new(&AES_256_GCM, &bytes)
                    .map_err(|_| EncryptionError::Key)?,
            })
        });
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Encrypts a secret of a row.
    pub(super) fn seal(&self, row: Uuid, secret: &Secret) -> Result<Stored, EncryptionError> {
        let Some(Key { id, key }) = self.keys.first() else {
            return Ok(Stored {
                text: secret.expose().to_owned(),
                key_id: None,
            });
        };
        let mut sealed = secret.expose().as_bytes().to_vec();
        // The row goes into the tag: what is copied to another row cannot be read there.
        let nonce = key.seal_in_place_append_tag(Aad::from(row.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| EncryptionError::Broken)?;
        let text = STANDARD.encode([nonce.as_ref().as_slice(), &sealed].concat());
        Ok(Stored {
            text,
            key_id: Some(id.clone()),
        })
    }

    /// Decrypts what was [sealed](Self::seal) for the same row.
    pub(super) fn open(
        &self,
        row: Uuid,
        text: &str,
        key_id: Option<&str>,
    ) -> Result<Secret, EncryptionError> {
        let Some(key_id) = key_id else {
            return Ok(Secret::new(text));
        };
        let found = self.keys.iter().find(|key| key.id == key_id);
        let found = found.ok_or_else(|| EncryptionError::UnknownKey(key_id.to_owned()))?;
        let sealed = STANDARD.decode(text).map_err(|_| EncryptionError::Broken)?;
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(EncryptionError::Broken)?;
        let mut sealed = sealed.to_vec();
        let aad = Aad::from(row.as_bytes());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let open = found.key.open_in_place(nonce, aad, &mut sealed);
        let open = open.map_err(|_| EncryptionError::Broken)?;
        let text = std::str::from_utf8(open).map_err(|_| EncryptionError::Broken)?;
        Ok(Secret::new(text))
    }
}

impl std::fmt::Debug for TokenEncryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids = self.keys.iter().map(|key| &key.id);
        f.debug_list().entries(ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> TokenEncryption {
        let keys = bytes.iter().map(|&byte| STANDARD.encode([byte; KEY_BYTES]));
        let keys: Vec<Secret> = keys.map(Secret::new).collect();
        TokenEncryption::new(&keys).expect("keys")
    }

    #[test]
    fn what_the_first_key_sealed_any_list_with_it_opens() {
        let (row, secret) = (Uuid::from_u128(1), Secret::new("canary ü"));
        let sealed = keys(&[1]).seal(row, &secret).expect("sealed");
        assert!(!sealed.text.contains("canary"));
        let id = sealed.key_id.as_deref();
        let opened = keys(&[2, 1]).open(row, &sealed.text, id);
        assert_eq!(opened.expect("opened"), secret);
        let again = keys(&[1]).seal(row, &secret).expect("sealed");
        assert_ne!(again.text, sealed.text);

        let other = keys(&[2]).open(row, &sealed.text, id);
        assert!(matches!(other, Err(EncryptionError::UnknownKey(_))));
        let moved = keys(&[1]).open(Uuid::from_u128(2), &sealed.text, id);
        assert!(matches!(moved, Err(EncryptionError::Broken)));
        for text in ["", "AAAA", "not base64", &sealed.text[4..]] {
            let broken = keys(&[1]).open(row, text, id);
            assert!(matches!(broken, Err(EncryptionError::Broken)), "{text}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_encrypted() {
        let (row, secret) = (Uuid::from_u128(1), Secret::new("plain"));
        let stored = keys(&[]).seal(row, &secret).expect("stored");
        assert_eq!(
            (stored.text.as_str(), stored.key_id.as_deref()),
            ("plain", None)
        );
        assert_eq!(keys(&[1]).open(row, "plain", None).expect("read"), secret);
    }

    #[test]
    fn keys_are_32_bytes() {
        for text in ["", "AAAA", "!", &STANDARD.encode([0; 31])] {
            assert!(
                TokenEncryption::new(&[Secret::new(text)]).is_err(),
                "{text}"
            );
        }
        assert!(!format!("{:?}", keys(&[7])).contains("BwcH"));
    }
}

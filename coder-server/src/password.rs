//! Passwords hashed with Argon2id.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use async_trait::async_trait;
use coder_core::{
    Error, ErrorKind,
    clock::Entropy,
    password::{PasswordHasher, is_too_long},
    secret::Secret,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory of one hash, KiB; with two passes the second choice of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// The longest a request waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Requests that wait for their turn.
const MAX_WAITING: usize = 256;

/// Hashes a few passwords at a time on threads of their own.
#[derive(Clone)]
pub struct Argon2Hasher {
    argon2: Argon2<'static>,
    entropy: Arc<dyn Entropy>,
    /// Verified where an account has no password.
    dummy: Secret,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl std::fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Argon2Hasher").finish_non_exhaustive()
    }
}

impl Argon2Hasher {
    /// A hasher that computes at most `parallel` hashes at once.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) when Argon2 refuses its parameters.
    pub fn new(entropy: Arc<dyn Entropy>, parallel: usize) -> Result<Self, Error> {
        let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon2, &*entropy, "no account has this password")?;
        Ok(Self {
            argon2,
            entropy,
            dummy,
            running: Arc::new(Semaphore::new(parallel.max(1))),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        })
    }

    /// Waits for a turn, within bounds.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        let busy = || {
            let message = "Too many people sign in right now, try again.";
            Error::new(ErrorKind::Unavailable, message)
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.running).acquire_owned();
        let turn = tokio::time::timeout(MAX_WAIT, turn).await;
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Runs `work` on a blocking thread. The turn ends with the work, even when the request went away.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turn().await?;
        let hasher = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&hasher)
        });
        work.await.map_err(failed)?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: Secret) -> Result<Secret, Error> {
        self.run(move |this| hash(&this.argon2, &*this.entropy, password.expose()))
            .await
    }

    async fn verify(&self, password: Secret, expected: Option<Secret>) -> Result<bool, Error> {
        if is_too_long(password.expose()) {
            return Ok(false);
        }
        self.run(move |this| {
            let known = expected.is_some();
            let expected = expected.unwrap_or_else(|| this.dummy.clone());
            let parsed = PasswordHash::new(expected.expose()).map_err(failed)?;
            let same = this
                .argon2
                .verify_password(password.expose().as_bytes(), &parsed)
                .is_ok();
            Ok(known && same)
        })
        .await
    }
}

fn hash(argon2: &Argon2<'_>, entropy: &dyn Entropy, password: &str) -> Result<Secret, Error> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
    let hash: argon2::password_hash::phc::PasswordHash = hash.map_err(failed)?;
    Ok(Secret::new(hash.to_string()))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the password could not be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::clock::OsEntropy;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = Argon2Hasher::new(Arc::new(OsEntropy), 2).expect("params");
        let hash = hasher
            .hash(Secret::new("SomeSecurePassword!"))
            .await
            .expect("hash");
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let verify = |text: &str, hash| hasher.verify(Secret::new(text), hash);
        assert!(
            verify("SomeSecurePassword!", Some(hash.clone()))
                .await
                .expect("verified")
        );
        assert!(
            !verify("SomeSecurePassword?", Some(hash.clone()))
                .await
                .expect("verified")
        );
        assert!(
            !verify("no account has this password", None)
                .await
                .expect("verified")
        );
        assert!(
            !verify(&"x".repeat(65_536), Some(hash))
                .await
                .expect("verified")
        );
    }
}

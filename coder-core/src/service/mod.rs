//! Use cases over the storage traits: what an HTTP handler, a daemon or an embedding service calls.
//!
//! Every use case that acts for someone takes their [`Subject`] and asks the [`Authorizer`] before it
//! shows or changes anything; what is not permitted is [`Error::not_found`].

pub mod agents;
pub mod builds;
pub mod connection_logs;
pub mod daemons;
pub mod details;
pub mod files;
pub mod git_ssh_keys;
pub mod jobs;
pub mod keys;
pub mod organizations;
pub mod provisioner_keys;
pub mod sessions;
pub mod template_versions;
pub mod templates;
mod unit;
pub mod users;
pub mod workspaces;

use crate::{
    Error, Timestamp,
    clock::{Clock, Entropy, OsEntropy, SystemClock},
    event::PubSub,
    git_ssh_key::SshKeygenAlgorithm,
    rbac::{Action, AsObject, Authorizer, Object, RoleAuthorizer, Subject},
    store::{Store, Transaction},
};
use std::sync::Arc;

/// What every service works with. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Where waiting happens.
    pub pubsub: Arc<dyn PubSub>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// What new key pairs for Git hosts are made with.
    pub ssh_keygen_algorithm: SshKeygenAlgorithm,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

impl Deps {
    /// With the system's clock and randomness, the built-in roles and Ed25519.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, pubsub: Arc<dyn PubSub>) -> Self {
        Self {
            store,
            pubsub,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            authorizer: Arc::new(RoleAuthorizer::default()),
            ssh_keygen_algorithm: SshKeygenAlgorithm::Ed25519,
        }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn begin(&self) -> Result<Box<dyn Transaction>, Error> {
        Ok(self.store.begin().await?)
    }

    /// Whether `subject` may do `action` to `object`.
    #[must_use]
    pub fn allows(&self, subject: &Subject, action: Action, object: &Object) -> bool {
        self.authorizer.allows(subject, action, object)
    }

    /// Refuses what `subject` may not do as if the object did not exist.
    ///
    /// # Errors
    /// [`Error::not_found`].
    pub fn require(&self, subject: &Subject, action: Action, object: &Object) -> Result<(), Error> {
        if self.allows(subject, action, object) {
            Ok(())
        } else {
            Err(Error::not_found())
        }
    }

    /// Unwraps a lookup that `subject` made to do `action`: absent and forbidden look the same.
    ///
    /// # Errors
    /// [`Error::not_found`].
    pub fn permitted<T: AsObject>(
        &self,
        subject: &Subject,
        action: Action,
        found: Option<T>,
    ) -> Result<T, Error> {
        let found = found.ok_or_else(Error::not_found)?;
        self.require(subject, action, &found.as_object())?;
        Ok(found)
    }
}

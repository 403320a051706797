use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use coder_core::secret::Secret;

/// The agent's token for its calls. One that is got for the cloud's word may be replaced by another in the
/// life of the agent; clones see the new one.
#[derive(Clone, Default)]
pub struct SessionToken(Arc<RwLock<Secret>>);

impl SessionToken {
    /// The token now; empty while there is none.
    #[must_use]
    pub fn get(&self) -> Secret {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set(&self, token: Secret) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl From<Secret> for SessionToken {
    fn from(token: Secret) -> Self {
        Self(Arc::new(RwLock::new(token)))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken(…)")
    }
}

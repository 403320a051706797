//! Who asks.

use crate::id::{OrganizationId, UserId};
use std::collections::BTreeMap;

/// The scope of a credential that may do whatever its user may.
pub const SCOPE_ALL: &str = "coder:all";
/// The scope of a credential that may only open apps.
pub const SCOPE_APPLICATION_CONNECT: &str = "coder:application_connect";

/// Who asks, with everything that decides what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The user; nil for the platform itself.
    pub user_id: UserId,
    /// Site roles beyond `member`.
    pub roles: Vec<String>,
    /// Memberships, with organization roles beyond `organization-member`.
    pub organizations: BTreeMap<OrganizationId, Vec<String>>,
    /// Scopes of the credential; one that allows is enough.
    pub scopes: Vec<String>,
    system: bool,
}

impl Subject {
    /// A user with the full scope.
    #[must_use]
    pub fn user(
        user_id: UserId,
        roles: Vec<String>,
        organizations: BTreeMap<OrganizationId, Vec<String>>,
    ) -> Self {
        let scopes = vec![SCOPE_ALL.to_owned()];
        Self {
            user_id,
            roles,
            organizations,
            scopes,
            system: false,
        }
    }

    /// Narrowed to a credential's scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Vec<String>) -> Self {
        self.scopes = scopes;
        self
    }

    /// The platform itself: reconcilers, daemons and agents acting through their own checked calls.
    #[must_use]
    pub fn system() -> Self {
        let nil = UserId(uuid::Uuid::nil());
        Self {
            system: true,
            ..Self::user(nil, Vec::new(), BTreeMap::new())
        }
    }

    /// Whether this is the platform itself.
    #[must_use]
    pub const fn is_system(&self) -> bool {
        self.system
    }

    /// Whether the user holds a site role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

//! Workspaces: create them with their first build, list, rename and schedule them.

mod create;
mod query;
mod settings;

pub use create::NewWorkspace;
pub use settings::{MAX_TTL_MS, MIN_TTL_MS, check_autostart, check_ttl};

use super::Deps;

/// Use cases of workspaces.
#[derive(Clone, Debug)]
pub struct Workspaces {
    deps: Deps,
}

impl Workspaces {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

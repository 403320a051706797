//! Builds: start, stop and delete workspaces, and look at what came of it.

mod cancel;
mod create;
mod insert;
mod orphan;
mod query;
mod state;
mod tags;
mod version;

pub use create::NewBuild;
pub(super) use insert::{BuildPlan, insert};
pub use query::BuildTimings;
pub(super) use tags::job_tags;
pub(super) use version::{UseOf, imported, usable};

use super::Deps;

/// Use cases of builds.
#[derive(Clone, Debug)]
pub struct Builds {
    deps: Deps,
    debug_logs: bool,
}

impl Builds {
    /// Over `deps`; debug logs are not permitted.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self {
            deps,
            debug_logs: false,
        }
    }

    /// Whether builds may ask for Terraform's debug logs, which can hold secrets of the template.
    #[must_use]
    pub const fn with_debug_logs(mut self, permitted: bool) -> Self {
        self.debug_logs = permitted;
        self
    }
}

//! Requests to a provisioner's session, and its answers.

use std::any::Any;
use std::fmt;

use bytes::Bytes;
use coder_core::id::{LeaseId, ProvisionerJobId};
use coder_core::parameter::{ParameterValue, RichParameter};
use coder_core::template_version::VariableValue;
use coder_core::workspace_tags::WorkspaceTagExpressions;

use super::{
    ExternalAuthProvider, ExternalAuthToken, Metadata, Preset, ProvisionerLogLevel, Resource,
    TemplateVariable, Timing,
};
use crate::Error;

/// What a session works on.
#[derive(Clone)]
pub struct Config {
    /// The job, for logs and directory names.
    pub job_id: ProvisionerJobId,
    /// The lease it is held with. A provisioner that keeps state on this machine notes it, so that a state which a
    /// killed daemon left there can be handed in; see [`crate::Provisioner::leftovers`].
    pub lease: LeaseId,
    /// The template as a tar archive, at most [`super::MAX_ARCHIVE_BYTES`].
    pub template_archive: Bytes,
    /// What an earlier session fetched for it, see [`crate::Session::module_files`].
    pub module_files: Option<Bytes>,
    /// How much to log.
    pub log_level: Option<ProvisionerLogLevel>,
    /// True when the template's dependencies are to be looked for anew, as an import does; false to
    /// take what an earlier session on the same archive found, where the provisioner kept it.
    pub refresh: bool,
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("job_id", &self.job_id)
            .field(
                "template_archive",
                &format_args!("{} bytes", self.template_archive.len()),
            )
            .field("log_level", &self.log_level)
            .field("refresh", &self.refresh)
            .finish()
    }
}

/// What a template declares, found without running it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParseComplete {
    /// `variable` blocks by file name, then line.
    pub template_variables: Vec<TemplateVariable>,
    /// README.md of the archive's root, empty when there is none.
    pub readme: String,
    /// `coder_workspace_tags` as written.
    pub workspace_tags: WorkspaceTagExpressions,
}

/// What to plan.
#[derive(Clone, Default)]
pub struct PlanRequest {
    /// Facts about the build; its transition decides what is planned.
    pub metadata: Metadata,
    /// Chosen parameter values.
    pub rich_parameter_values: Vec<ParameterValue>,
    /// Values of the build before, for rules such as "only increasing".
    pub previous_parameter_values: Vec<ParameterValue>,
    /// Values of the template's variables.
    pub variable_values: Vec<VariableValue>,
    /// Tokens of external logins.
    pub external_auth_tokens: Vec<ExternalAuthToken>,
    /// State of the build before, empty for none.
    pub state: Bytes,
    /// True when nobody looks at the plan before it is applied. The lists of the answer may then be
    /// empty, and a provisioner may put the planning off until apply, so that a plan that fails
    /// is told by apply.
    pub apply_only: bool,
}

impl fmt::Debug for PlanRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PlanRequest")
            .field("metadata", &self.metadata)
            .field("state", &format_args!("{} bytes", self.state.len()))
            .finish_non_exhaustive()
    }
}

/// A plan, ready to be applied.
#[derive(Debug)]
pub struct PlanComplete {
    /// What would exist.
    pub resources: Vec<Resource>,
    /// The template's parameters in order of appearance.
    pub rich_parameters: Vec<RichParameter>,
    /// Presets by order of appearance.
    pub presets: Vec<Preset>,
    /// External logins by id.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    /// Durations.
    pub timings: Vec<Timing>,
    /// What [`crate::Session::apply`] takes.
    pub handle: PlanHandle,
}

impl PlanComplete {
    /// A plan of resources, without parameters, presets, logins and timings.
    #[must_use]
    pub fn new(resources: Vec<Resource>, handle: PlanHandle) -> Self {
        Self {
            resources,
            rich_parameters: Vec::new(),
            presets: Vec::new(),
            external_auth_providers: Vec::new(),
            timings: Vec::new(),
            handle,
        }
    }

    /// Sum of the resources' daily costs.
    #[must_use]
    pub fn daily_cost(&self) -> i32 {
        Resource::total_daily_cost(&self.resources)
    }
}

/// A provisioner's own note on a plan. It is consumed by apply, so that nothing is applied that
/// was not planned, and nothing twice.
pub struct PlanHandle(Box<dyn Any + Send>);

impl PlanHandle {
    /// Wraps what the provisioner needs to find its plan again.
    pub fn new<T: Any + Send>(plan: T) -> Self {
        Self(Box::new(plan))
    }

    /// The wrapped value, or `None` when the handle comes from another kind of provisioner.
    #[must_use]
    pub fn into_inner<T: Any>(self) -> Option<T> {
        self.0.downcast().ok().map(|plan| *plan)
    }
}

impl fmt::Debug for PlanHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlanHandle")
    }
}

/// What apply needs beside the plan.
#[derive(Debug, Clone, Default)]
pub struct ApplyRequest {
    /// The same facts the plan was made with.
    pub metadata: Metadata,
}

/// What exists after a successful apply.
#[derive(Clone)]
pub struct ApplyComplete {
    /// New state; empty after a destroy that left nothing behind is fine too.
    pub state: Bytes,
    /// What exists now.
    pub resources: Vec<Resource>,
    /// Durations.
    pub timings: Vec<Timing>,
}

impl fmt::Debug for ApplyComplete {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApplyComplete")
            .field("state", &format_args!("{} bytes", self.state.len()))
            .field("resources", &self.resources)
            .field("timings", &self.timings.len())
            .finish()
    }
}

/// A failed or cancelled apply. What was created before the failure is in the state.
#[derive(thiserror::Error)]
#[error("apply failed")]
pub struct ApplyFailed {
    /// The reason.
    #[source]
    pub error: Error,
    /// State after the failure, `None` only when none could be read.
    pub state: Option<Bytes>,
    /// Durations up to the failure.
    pub timings: Vec<Timing>,
}

impl fmt::Debug for ApplyFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApplyFailed")
            .field("error", &self.error)
            .field("state", &self.state.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

//! Which parts of a body travel as bytes.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protocol::{
    AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, JobKind, ReleasedJob, UpdateJob,
    UpdateJobResponse,
};

/// What a call or its answer says. Large bytes are taken out before it becomes JSON.
pub(super) trait Body: Serialize + DeserializeOwned {
    /// Takes the bytes out.
    fn detach(&mut self) -> Vec<(&'static str, Bytes)> {
        Vec::new()
    }

    /// Puts bytes back. Names that are not known are passed over: a newer version may have them.
    fn attach(&mut self, field: &str, bytes: Bytes) {
        let _ = (field, bytes);
    }
}

/// A body that says nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Nothing {}

/// The answer to `acquire_job`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Acquired {
    /// `None` when there was no job in time.
    pub(super) job: Option<AcquiredJob>,
}

const ARCHIVE: &str = "template_archive";
const MODULES: &str = "module_files";
const STATE: &str = "state";

impl Body for Nothing {}
impl Body for UpdateJobResponse {}
impl Body for ReleasedJob {}

impl Body for Acquired {
    fn detach(&mut self) -> Vec<(&'static str, Bytes)> {
        let Some(job) = &mut self.job else {
            return Vec::new();
        };
        let mut parts = vec![(ARCHIVE, std::mem::take(&mut job.template_archive))];
        parts.extend(optional(MODULES, &mut job.module_files));
        if let JobKind::WorkspaceBuild(build) = &mut job.kind {
            parts.push((STATE, std::mem::take(&mut build.state)));
        }
        parts
    }

    fn attach(&mut self, field: &str, bytes: Bytes) {
        let Some(job) = &mut self.job else { return };
        match (field, &mut job.kind) {
            (ARCHIVE, _) => job.template_archive = bytes,
            (MODULES, _) => job.module_files = Some(bytes),
            (STATE, JobKind::WorkspaceBuild(build)) => build.state = bytes,
            _ => {}
        }
    }
}

impl Body for UpdateJob {
    fn detach(&mut self) -> Vec<(&'static str, Bytes)> {
        optional(STATE, &mut self.state)
    }

    fn attach(&mut self, field: &str, bytes: Bytes) {
        if field == STATE {
            self.state = Some(bytes);
        }
    }
}

impl Body for FailedJob {
    fn detach(&mut self) -> Vec<(&'static str, Bytes)> {
        optional(STATE, &mut self.state)
    }

    fn attach(&mut self, field: &str, bytes: Bytes) {
        if field == STATE {
            self.state = Some(bytes);
        }
    }
}

impl Body for CompletedJob {
    fn detach(&mut self) -> Vec<(&'static str, Bytes)> {
        match &mut self.kind {
            CompletedJobKind::WorkspaceBuild(build) => {
                vec![(STATE, std::mem::take(&mut build.state))]
            }
            CompletedJobKind::TemplateImport(import) => optional(MODULES, &mut import.module_files),
            CompletedJobKind::TemplateDryRun { .. } => Vec::new(),
        }
    }

    fn attach(&mut self, field: &str, bytes: Bytes) {
        match (field, &mut self.kind) {
            (STATE, CompletedJobKind::WorkspaceBuild(build)) => build.state = bytes,
            (MODULES, CompletedJobKind::TemplateImport(import)) => {
                import.module_files = Some(bytes);
            }
            _ => {}
        }
    }
}

/// Empty bytes stay in the JSON, where they are told from absent ones.
fn optional(field: &'static str, slot: &mut Option<Bytes>) -> Vec<(&'static str, Bytes)> {
    match slot.take() {
        Some(bytes) if bytes.is_empty() => {
            *slot = Some(bytes);
            Vec::new()
        }
        Some(bytes) => vec![(field, bytes)],
        None => Vec::new(),
    }
}

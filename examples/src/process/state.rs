//! What is remembered of a workspace from build to build.

use bytes::Bytes;
use coder_provisioner::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The state of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct State {
    /// The process, while there is one.
    pub(super) process: Option<Process>,
}

/// A process of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Process {
    /// In its environment, and in that of everything that it starts.
    pub(super) marker: Uuid,
    /// Absent when the provisioner ended before it could write it down.
    pub(super) id: Option<ProcessId>,
}

/// A process id that cannot be taken for that of a later process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct ProcessId {
    pub(super) pid: i32,
    /// When it started, in clock ticks since the machine did.
    pub(super) started: u64,
}

impl State {
    /// Nothing has been remembered when there are no bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map_err(|error| {
            Error::new(ErrorKind::InvalidRequest, "the state cannot be read").with_source(error)
        })
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        // Options, numbers and ids always have a form in JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

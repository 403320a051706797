//! What a cloud says of a machine, once its signature was verified.

use crate::{Timestamp, enums::string_enum, id::WorkspaceId};

/// How far clocks may differ, in seconds.
pub const MAX_CLOCK_SKEW_SECONDS: i64 = 300;

string_enum! {
    /// Whose machine.
    pub enum Cloud {
        /// Amazon Web Services.
        Aws => "aws",
        /// Microsoft Azure.
        Azure => "azure",
        /// Google Cloud.
        Google => "google",
    }
}

impl Cloud {
    /// Whether each document is a new one, so that none needs to be taken twice. A machine at Amazon has the
    /// same document from its start to its stop.
    #[must_use]
    pub const fn signs_anew(self) -> bool {
        match self {
            Self::Aws => false,
            Self::Azure | Self::Google => true,
        }
    }
}

/// A document whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceIdentity {
    /// Who signed it.
    pub cloud: Cloud,
    /// The machine: `i-…`, a UUID, or a number.
    pub instance_id: String,
    /// When it was signed; at Amazon, when the machine was started.
    pub issued_at: Timestamp,
}

/// The newest document that was taken from a machine for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceIdentityUse {
    /// The machine.
    pub instance_id: String,
    /// The agent's name: a machine may have several.
    pub agent_name: String,
    /// Whose agent it was.
    pub workspace_id: WorkspaceId,
    /// Of the document.
    pub issued_at: Timestamp,
    /// When it was taken.
    pub used_at: Timestamp,
}

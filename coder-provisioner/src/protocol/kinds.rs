//! Small closed sets of the protocol.

use coder_core::workspace_build::WorkspaceTransition;
use serde::{Deserialize, Serialize};

/// How much a build logs. The default is what Terraform prints by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionerLogLevel {
    /// Terraform's debug log too.
    Debug,
}

/// The value of `CODER_WORKSPACE_TRANSITION`, which says `destroy` where the API says `delete`.
#[must_use]
pub const fn terraform_transition(transition: WorkspaceTransition) -> &'static str {
    match transition {
        WorkspaceTransition::Start => "start",
        WorkspaceTransition::Stop => "stop",
        WorkspaceTransition::Delete => "destroy",
    }
}

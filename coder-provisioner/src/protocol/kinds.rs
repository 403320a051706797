//! Small closed sets of the protocol, spelled as in the HTTP API.

use serde::{Deserialize, Serialize};

/// Which provisioner a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionerType {
    /// Scripted answers, for tests.
    Echo,
    /// Terraform.
    Terraform,
}

impl ProvisionerType {
    /// The name in the API and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Terraform => "terraform",
        }
    }
}

/// What a build does to its workspace.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceTransition {
    /// Create or start: everything the template describes exists afterwards.
    #[default]
    Start,
    /// Stop: what depends on `start_count` is gone, the rest stays.
    Stop,
    /// Delete: nothing is left.
    Delete,
}

impl WorkspaceTransition {
    /// The value of `CODER_WORKSPACE_TRANSITION`, which says `destroy` where the API says
    /// `delete`.
    #[must_use]
    pub fn terraform_value(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Delete => "destroy",
        }
    }
}

/// How much a build logs. The default is what Terraform prints by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionerLogLevel {
    /// Terraform's debug log too.
    Debug,
}

/// Machine-readable reasons of a failed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobErrorCode {
    /// A template variable without a default has no value.
    RequiredTemplateVariables,
    /// A required parameter has no value.
    MissingTemplateParameter,
    /// The owner's budget does not cover the build.
    InsufficientQuota,
}

impl JobErrorCode {
    /// The code as the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequiredTemplateVariables => "REQUIRED_TEMPLATE_VARIABLES",
            Self::MissingTemplateParameter => "MISSING_TEMPLATE_PARAMETER",
            Self::InsufficientQuota => "INSUFFICIENT_QUOTA",
        }
    }
}

/// Whether logins wait for the startup script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceAgentStartupScriptBehavior {
    /// Logins wait.
    Blocking,
    /// Logins do not wait.
    #[default]
    NonBlocking,
}

/// Who may open an app.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceAppSharingLevel {
    /// The workspace's owner only.
    #[default]
    Owner,
    /// Any user that is logged in.
    Authenticated,
    /// Any member of the workspace's organization.
    Organization,
    /// Anybody.
    Public,
}

/// Where the dashboard opens an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceAppOpenIn {
    /// A window without browser controls.
    #[default]
    SlimWindow,
    /// A browser tab.
    Tab,
}

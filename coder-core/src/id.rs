//! Typed identifiers: a workspace id cannot be passed where a build id is meant.

use crate::clock::Entropy;
use uuid::Uuid;

macro_rules! ids {
    ($( $(#[$meta:meta])* $name:ident ),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh random (version 4) identifier.
            #[must_use]
            pub fn generate(entropy: &dyn Entropy) -> Self {
                Self(random_uuid(entropy))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+ };
}

ids! {
    /// Of a [`User`](crate::user::User).
    UserId,
    /// Of an [`Organization`](crate::organization::Organization).
    OrganizationId,
    /// Of a [`WorkspaceAgentDevcontainer`](crate::devcontainer::WorkspaceAgentDevcontainer).
    DevcontainerId,
    /// Of a [`File`](crate::file::File).
    FileId,
    /// Of a [`Template`](crate::template::Template).
    TemplateId,
    /// Of a [`TemplateVersion`](crate::template_version::TemplateVersion).
    TemplateVersionId,
    /// Of a [`TemplateVersionPreset`](crate::template_version::TemplateVersionPreset).
    TemplateVersionPresetId,
    /// Of a [`Workspace`](crate::workspace::Workspace).
    WorkspaceId,
    /// Of a [`WorkspaceBuild`](crate::workspace_build::WorkspaceBuild).
    WorkspaceBuildId,
    /// Of a [`ProvisionerJob`](crate::provisioner_job::ProvisionerJob).
    ProvisionerJobId,
    /// Of a [`ProvisionerDaemon`](crate::provisioner_daemon::ProvisionerDaemon).
    ProvisionerDaemonId,
    /// Of a [`ProvisionerKey`](crate::provisioner_key::ProvisionerKey).
    ProvisionerKeyId,
    /// The fencing token of one claim of a job: a writer that lost its claim holds an old one.
    LeaseId,
    /// Of a [`WorkspaceResource`](crate::workspace_resource::WorkspaceResource).
    WorkspaceResourceId,
    /// Of a [`WorkspaceAgent`](crate::workspace_agent::WorkspaceAgent).
    WorkspaceAgentId,
    /// Of a [`ConnectionLog`](crate::connection_log::ConnectionLog).
    ConnectionLogId,
    /// What an agent calls a connection to it.
    ConnectionId,
    /// Of one start of an agent's scripts.
    AgentRunId,
    /// Of a [`WorkspaceApp`](crate::workspace_app::WorkspaceApp).
    WorkspaceAppId,
    /// Of a [`WorkspaceAgentScript`](crate::script::WorkspaceAgentScript).
    ScriptId,
    /// Of a source of agent log lines.
    LogSourceId,
}

/// A version 4 UUID from `entropy`.
#[must_use]
pub fn random_uuid(entropy: &dyn Entropy) -> Uuid {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

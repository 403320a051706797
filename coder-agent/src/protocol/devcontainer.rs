use coder_core::id::{DevcontainerId, WorkspaceAgentId};
use coder_core::secret::Secret;
use coder_core::template::SharingLevel;
use coder_core::workspace_app::OpenIn;
use serde::{Deserialize, Serialize};

/// A dev container that the template has the agent start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devcontainer {
    /// Its id.
    pub id: DevcontainerId,
    /// Shown to the user.
    #[serde(default)]
    pub name: String,
    /// The folder that holds the project: may begin with `~`, contain variables, or be relative to the home.
    pub workspace_folder: String,
    /// Where `devcontainer.json` is; empty for its usual place.
    #[serde(default)]
    pub config_path: String,
    /// The agent inside that the template foresees, to be named in [`CreateSubAgentRequest`].
    #[serde(default)]
    pub subagent_id: Option<WorkspaceAgentId>,
}

/// `POST sub-agents`: an agent shall run inside of a dev container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSubAgentRequest {
    /// The one that the template foresees; absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<WorkspaceAgentId>,
    /// Letters and digits with single inner hyphens, unique in the workspace.
    pub name: String,
    /// Where sessions begin.
    #[serde(default)]
    pub directory: String,
    /// `amd64`, `arm64` or `armv7`.
    pub architecture: String,
    /// `linux`.
    pub operating_system: String,
    /// Built-in buttons that clients show, such as `vscode`.
    #[serde(default)]
    pub display_apps: Vec<String>,
    /// Its apps.
    #[serde(default)]
    pub apps: Vec<SubAgentApp>,
}

/// An app inside of a dev container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubAgentApp {
    /// Its name in addresses: lower-case letters and digits with single inner hyphens.
    pub slug: String,
    /// Shown to the user.
    pub display_name: String,
    /// Where it listens inside, or any address when `external`.
    pub url: String,
    /// A command for a terminal instead of an address.
    pub command: String,
    /// A URL or path of an image.
    pub icon: String,
    /// Whether `url` leads outside.
    pub external: bool,
    /// Whether it is served on a host name of its own.
    pub subdomain: bool,
    /// Whether it is left out of the dashboard.
    pub hidden: bool,
    /// Who may use it, as far as the template allows; only the owner when absent.
    pub share: Option<SharingLevel>,
    /// Where it opens; a slim window when absent.
    pub open_in: Option<OpenIn>,
    /// Groups buttons.
    pub group: String,
    /// Position in lists.
    pub order: i32,
}

/// An agent inside of a dev container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubAgent {
    /// Its id.
    pub id: WorkspaceAgentId,
    /// Its name.
    pub name: String,
}

/// What is given for [`CreateSubAgentRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSubAgentResponse {
    /// The agent.
    pub agent: SubAgent,
    /// Its token, to be started with inside.
    pub auth_token: Secret,
}

/// `GET sub-agents`: the agents inside of this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSubAgentsResponse {
    /// By name.
    pub agents: Vec<SubAgent>,
}

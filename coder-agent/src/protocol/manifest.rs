use std::collections::BTreeMap;
use std::fmt;

use coder_core::id::{LogSourceId, ScriptId, WorkspaceAgentId, WorkspaceAppId, WorkspaceId};
use coder_core::secret::Secret;
use coder_core::template::SharingLevel;
use coder_core::workspace_app::AppHealth;
use serde::{Deserialize, Serialize};

use super::Devcontainer;

/// `GET manifest`: everything an agent needs to know to do its work.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The agent's own id.
    pub agent_id: WorkspaceAgentId,
    /// The agent's name in the template.
    pub agent_name: String,
    /// Set when this agent was created by another one.
    #[serde(default)]
    pub parent_id: Option<WorkspaceAgentId>,
    /// Who owns the workspace.
    pub owner_username: String,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The workspace's name.
    pub workspace_name: String,
    /// The template's variables for sessions and scripts; `$NAME` in a value is expanded.
    #[serde(default)]
    pub environment_variables: BTreeMap<String, String>,
    /// Where sessions start: may begin with `~`, contain variables, or be relative to the home.
    /// Empty means the home directory.
    #[serde(default)]
    pub directory: String,
    /// A file shown at login; empty for none.
    #[serde(default)]
    pub motd_path: String,
    /// Template of the address of a forwarded port with `{{port}}`; empty without a wildcard host.
    #[serde(default)]
    pub vs_code_port_proxy_uri: String,
    /// Whether clients must go through the server.
    #[serde(default)]
    pub disable_direct_connections: bool,
    /// Scripts to run.
    #[serde(default)]
    pub scripts: Vec<Script>,
    /// Apps of the workspace.
    #[serde(default)]
    pub apps: Vec<App>,
    /// Values to collect again and again.
    #[serde(default)]
    pub metadata: Vec<MetadataDescription>,
    /// Dev containers to start.
    #[serde(default)]
    pub devcontainers: Vec<Devcontainer>,
    /// How many external logins the template asks for whose tokens the agent may fetch.
    #[serde(default)]
    pub git_auth_configs: usize,
    /// Bytes of log text that the server has of this agent already.
    #[serde(default)]
    pub logs_length: usize,
    /// What the agent's SSH host key is made of, 64 hexadecimal digits: the server tells clients the
    /// public key that follows from it. Without it the agent makes up a key, which clients cannot
    /// check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_host_key_seed: Option<Secret>,
}

/// A script of the template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its id in reports.
    pub id: ScriptId,
    /// The source its output is logged under.
    pub log_source_id: LogSourceId,
    /// A file its output is also written to; empty for `coder-script-<log source id>.log`.
    #[serde(default)]
    pub log_path: String,
    /// The text given to the user's login shell.
    pub script: String,
    /// A [schedule](coder_core::cron::Schedule) with six fields, seconds first; empty for none.
    #[serde(default)]
    pub cron: String,
    /// Run when the agent starts.
    #[serde(default)]
    pub run_on_start: bool,
    /// Run when the agent is stopped.
    #[serde(default)]
    pub run_on_stop: bool,
    /// Whether clients should wait for it before they log in.
    #[serde(default)]
    pub start_blocks_login: bool,
    /// Seconds it may run; 0 for no limit.
    #[serde(default)]
    pub timeout: u64,
    /// Shown to the user.
    #[serde(default)]
    pub display_name: String,
}

/// An app of the template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its id in reports.
    pub id: WorkspaceAppId,
    /// Where it listens inside the workspace, or any address when `external`.
    #[serde(default)]
    pub url: String,
    /// Whether `url` leads outside the workspace.
    #[serde(default)]
    pub external: bool,
    /// Its name in addresses.
    pub slug: String,
    /// Shown to the user.
    #[serde(default)]
    pub display_name: String,
    /// A command for a terminal instead of an address.
    #[serde(default)]
    pub command: String,
    /// A URL or path of an image.
    #[serde(default)]
    pub icon: String,
    /// Whether it is served on a host name of its own.
    #[serde(default)]
    pub subdomain: bool,
    /// That host name's first label.
    #[serde(default)]
    pub subdomain_name: String,
    /// Who may use it.
    #[serde(default = "owner_only")]
    pub sharing_level: SharingLevel,
    /// How to see whether it is alive.
    #[serde(default)]
    pub healthcheck: Healthcheck,
    /// What the server believes.
    #[serde(default = "no_check")]
    pub health: AppHealth,
    /// Whether it is left out of the dashboard.
    #[serde(default)]
    pub hidden: bool,
}

/// How to see whether an app is alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Healthcheck {
    /// What to fetch; empty for no check.
    pub url: String,
    /// Seconds between checks; 0 for no check.
    pub interval: u64,
    /// Failures in a row that are still forgiven; 0 for no check.
    pub threshold: u32,
}

/// A value to collect by a script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataDescription {
    /// Shown to the user.
    pub display_name: String,
    /// Its name in reports.
    pub key: String,
    /// The text given to the user's login shell.
    pub script: String,
    /// Seconds between runs; 0 for once.
    pub interval: u64,
    /// Seconds one run may take; 0 for the interval, or 3 when that is 0 too.
    pub timeout: u64,
}

impl fmt::Debug for Manifest {
    /// Leaves out the values of variables, which may be secrets of the template.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Manifest")
            .field("agent_id", &self.agent_id)
            .field("agent_name", &self.agent_name)
            .field("owner_username", &self.owner_username)
            .field("workspace_id", &self.workspace_id)
            .field("workspace_name", &self.workspace_name)
            .field("environment_variables", &self.environment_variables.keys())
            .field("directory", &self.directory)
            .field("scripts", &self.scripts.len())
            .field("apps", &self.apps.len())
            .field("metadata", &self.metadata.len())
            .field("devcontainers", &self.devcontainers.len())
            .finish_non_exhaustive()
    }
}

const fn owner_only() -> SharingLevel {
    SharingLevel::Owner
}

const fn no_check() -> AppHealth {
    AppHealth::Disabled
}

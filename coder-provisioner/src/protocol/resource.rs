//! Resources of a workspace, and the agents, apps, scripts and variables on them.

use std::collections::BTreeMap;

use coder_core::secret::Secret;
use coder_core::template::SharingLevel;
use coder_core::workspace_agent::StartupScriptBehavior;
use coder_core::workspace_app::OpenIn;
use serde::{Deserialize, Serialize};

use super::{Devcontainer, ResourcesMonitoring};
use crate::{Error, ErrorKind, Result};

/// Longest value of an environment variable after merging, in bytes: Linux takes no longer
/// single argument or variable.
pub const MAX_ENV_VALUE_BYTES: usize = 128 * 1024;

/// Something the template created.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Name in the template.
    pub name: String,
    /// Terraform type, such as `docker_container`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Agents that run on it.
    pub agents: Vec<Agent>,
    /// Facts shown beside it, from `coder_metadata`.
    pub metadata: Vec<ResourceMetadata>,
    /// Whether the dashboard leaves it out.
    pub hide: bool,
    /// URL or path of an icon.
    pub icon: String,
    /// What it costs a day, in the smallest unit of the currency.
    pub daily_cost: i32,
    /// Machine type at a cloud, empty when unknown.
    pub instance_type: String,
    /// Address of its module, empty for the root.
    pub module_path: String,
}

impl Resource {
    /// Sum of the daily costs of several.
    #[must_use]
    pub fn total_daily_cost(resources: &[Self]) -> i32 {
        let costs = resources.iter().map(|resource| resource.daily_cost);
        costs.fold(0, i32::saturating_add)
    }
}

/// One fact about a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceMetadata {
    /// Unique within the resource.
    pub key: String,
    /// Markdown; `None` when null: not known yet.
    pub value: Option<String>,
    /// Hidden in the dashboard until asked for.
    pub sensitive: bool,
}

/// How an agent proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentAuth {
    /// By a secret token from Terraform's state.
    Token(Secret),
    /// By the identity document of its cloud instance; empty when the id is not known yet.
    InstanceId(String),
}

/// A `coder_agent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Id in Terraform. It only links resources of one run; it is not the stored agent's id.
    pub id: String,
    /// Name in the template.
    pub name: String,
    /// `linux`, `darwin` or `windows`.
    pub operating_system: String,
    /// `amd64`, `arm64` or `armv7`.
    pub architecture: String,
    /// Start directory, empty for the home directory.
    pub directory: String,
    /// The agent's own variables. [`Agent::environment`] has all of them.
    pub env: BTreeMap<String, String>,
    /// `coder_env` resources in order of their addresses.
    pub extra_envs: Vec<Env>,
    /// How it proves who it is.
    pub auth: AgentAuth,
    /// Apps reached through it.
    pub apps: Vec<App>,
    /// Scripts it runs.
    pub scripts: Vec<Script>,
    /// Values it reports regularly.
    pub metadata: Vec<AgentMetadata>,
    /// Built-in buttons.
    pub display_apps: DisplayApps,
    /// Seconds until a first connection counts as timed out; 0 for never.
    pub connection_timeout_seconds: i32,
    /// Where users find help when it does not connect.
    pub troubleshooting_url: String,
    /// File shown at SSH login.
    pub motd_file: String,
    /// Place in the dashboard, then by name.
    pub order: i64,
    /// `all` or `no_user_data`.
    pub api_key_scope: String,
    /// Whether logins wait for the startup script.
    pub startup_script_behavior: StartupScriptBehavior,
    /// Dev containers that it starts.
    #[serde(default)]
    pub devcontainers: Vec<Devcontainer>,
    /// What it watches of its machine.
    #[serde(default)]
    pub resources_monitoring: ResourcesMonitoring,
}

impl Agent {
    /// The variables of the agent's sessions: `coder_env` in order with their merge strategies,
    /// then the agent's own on top.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTemplate`] when two `coder_env` set the same name and the later one
    /// asks for an error, or when a merged value exceeds [`MAX_ENV_VALUE_BYTES`].
    pub fn environment(&self) -> Result<BTreeMap<String, String>> {
        let mut merged = BTreeMap::new();
        for env in &self.extra_envs {
            let value = match (merged.get(&env.name), env.merge_strategy) {
                (None, _) | (Some(_), EnvMergeStrategy::Replace) => env.value.clone(),
                (Some(before), EnvMergeStrategy::Append) => format!("{before}:{}", env.value),
                (Some(before), EnvMergeStrategy::Prepend) => format!("{}:{before}", env.value),
                (Some(_), EnvMergeStrategy::Error) => {
                    return Err(Error::new(
                        ErrorKind::InvalidTemplate,
                        format!(
                            "agent {:?}: variable {:?} is set twice",
                            self.name, env.name
                        ),
                    ));
                }
            };
            if value.len() > MAX_ENV_VALUE_BYTES {
                return Err(Error::new(
                    ErrorKind::InvalidTemplate,
                    format!("agent {:?}: variable {:?} is too long", self.name, env.name),
                ));
            }
            merged.insert(env.name.clone(), value);
        }
        merged.extend(self.env.clone());
        Ok(merged)
    }
}

/// What happens when two `coder_env` set the same variable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvMergeStrategy {
    /// The later one wins.
    #[default]
    Replace,
    /// Joined with `:`, the later one last.
    Append,
    /// Joined with `:`, the later one first.
    Prepend,
    /// The build fails.
    Error,
}

/// A `coder_env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Env {
    /// Name of the variable.
    pub name: String,
    /// Its value.
    pub value: String,
    /// How it joins with an earlier one.
    pub merge_strategy: EnvMergeStrategy,
}

/// A value an agent reports regularly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMetadata {
    /// Unique within the agent.
    pub key: String,
    /// Shown name.
    pub display_name: String,
    /// Shell command whose output is the value.
    pub script: String,
    /// Seconds between two runs.
    pub interval: i64,
    /// Seconds a run may take; 0 for the interval.
    pub timeout: i64,
    /// Place in the dashboard, then by key.
    pub order: i64,
}

/// Which built-in buttons an agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayApps {
    /// VS Code Desktop.
    pub vscode: bool,
    /// VS Code Insiders.
    pub vscode_insiders: bool,
    /// The web terminal.
    pub web_terminal: bool,
    /// Port forwarding.
    pub port_forwarding_helper: bool,
    /// SSH instructions.
    pub ssh_helper: bool,
}

impl DisplayApps {
    /// The names of the buttons that are on, as in the API.
    #[must_use]
    pub fn enabled(self) -> Vec<&'static str> {
        [
            (self.vscode, "vscode"),
            (self.vscode_insiders, "vscode_insiders"),
            (self.web_terminal, "web_terminal"),
            (self.port_forwarding_helper, "port_forwarding_helper"),
            (self.ssh_helper, "ssh_helper"),
        ]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect()
    }
}

impl Default for DisplayApps {
    fn default() -> Self {
        Self {
            vscode: true,
            vscode_insiders: false,
            web_terminal: true,
            port_forwarding_helper: true,
            ssh_helper: true,
        }
    }
}

/// How the health of an app is found out. Any HTTP answer below 500 is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthcheck {
    /// Asked from inside the workspace.
    pub url: String,
    /// Seconds between two checks.
    pub interval: i32,
    /// Failures in a row that make it unhealthy.
    pub threshold: i32,
}

/// A `coder_app`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Id in Terraform, a UUID, or empty before it is created.
    pub id: String,
    /// Unique over the whole template.
    pub slug: String,
    /// Shown name; the slug when the template gives none.
    pub display_name: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Target inside the workspace, or any URL when `external`.
    pub url: String,
    /// Command run in a terminal instead of a URL.
    pub command: String,
    /// A plain link.
    pub external: bool,
    /// Served on a host name of its own.
    pub subdomain: bool,
    /// Who may open it.
    pub sharing_level: SharingLevel,
    /// Health check, absent when none.
    pub healthcheck: Option<Healthcheck>,
    /// Place in the dashboard, then by name.
    pub order: i64,
    /// Groups buttons.
    pub group: String,
    /// Left out of the dashboard.
    pub hidden: bool,
    /// Where it opens.
    pub open_in: OpenIn,
    /// Markdown.
    pub tooltip: String,
}

impl Default for App {
    fn default() -> Self {
        Self {
            id: String::new(),
            slug: String::new(),
            display_name: String::new(),
            icon: String::new(),
            url: String::new(),
            command: String::new(),
            external: false,
            subdomain: false,
            sharing_level: SharingLevel::Owner,
            healthcheck: None,
            order: 0,
            group: String::new(),
            hidden: false,
            open_in: OpenIn::SlimWindow,
            tooltip: String::new(),
        }
    }
}

/// A `coder_script`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Name of the script and of its log.
    pub display_name: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Text of the script.
    pub script: String,
    /// When it runs, six fields with seconds first; empty for never.
    pub cron: String,
    /// Runs when the workspace starts.
    pub run_on_start: bool,
    /// Runs when the workspace stops.
    pub run_on_stop: bool,
    /// Logins wait for it.
    pub start_blocks_login: bool,
    /// Seconds it may take; 0 for no limit.
    pub timeout_seconds: i32,
    /// File for its output; a relative one is below the agent's log directory.
    pub log_path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(envs: &[(&str, &str, EnvMergeStrategy)]) -> Agent {
        Agent {
            id: String::new(),
            name: "main".into(),
            operating_system: "linux".into(),
            architecture: "amd64".into(),
            directory: String::new(),
            env: BTreeMap::from([("OWN".into(), "agent".into())]),
            extra_envs: envs
                .iter()
                .map(|(name, value, merge_strategy)| Env {
                    name: (*name).into(),
                    value: (*value).into(),
                    merge_strategy: *merge_strategy,
                })
                .collect(),
            auth: AgentAuth::Token(Secret::new("hunter2")),
            apps: Vec::new(),
            scripts: Vec::new(),
            metadata: Vec::new(),
            display_apps: DisplayApps::default(),
            connection_timeout_seconds: 120,
            troubleshooting_url: String::new(),
            motd_file: String::new(),
            order: 0,
            api_key_scope: "all".into(),
            startup_script_behavior: StartupScriptBehavior::NonBlocking,
            devcontainers: Vec::new(),
            resources_monitoring: ResourcesMonitoring::default(),
        }
    }

    #[test]
    fn variables_merge_by_strategy_and_the_agents_own_win() {
        use EnvMergeStrategy::{Append, Prepend, Replace};
        let merged = agent(&[
            ("PATH", "/a", Replace),
            ("PATH", "/b", Append),
            ("PATH", "/c", Prepend),
            ("OWN", "env", Replace),
            ("ONE", "1", Append),
        ])
        .environment()
        .unwrap();
        assert_eq!(merged["PATH"], "/c:/a:/b");
        assert_eq!(merged["OWN"], "agent");
        assert_eq!(merged["ONE"], "1");
    }

    #[test]
    fn a_second_variable_fails_when_the_strategy_says_so() {
        let twice = agent(&[
            ("A", "1", EnvMergeStrategy::Error),
            ("A", "2", EnvMergeStrategy::Error),
        ]);
        let error = twice.environment().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidTemplate);
    }

    #[test]
    fn the_token_is_not_in_debug_output() {
        assert!(!format!("{:?}", agent(&[])).contains("hunter2"));
    }
}

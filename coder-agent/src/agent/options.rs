use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coder_core::clock::{Clock, Entropy, OsEntropy, SystemClock};

use crate::SessionToken;
use crate::ssh::{Blocked, Environment, SshOptions};

/// What an [`Agent`](super::Agent) needs besides the server.
#[derive(Clone)]
pub struct AgentOptions {
    /// The build's version, as reported to the server.
    pub version: String,
    /// The agent's token, given to sessions and scripts as `CODER_AGENT_TOKEN`; empty for none.
    pub token: SessionToken,
    /// The environment that sessions and scripts build on, usually the process' own.
    pub process_environment: Environment,
    /// The running binary. Sessions and scripts find it on `PATH` as `coder`.
    pub executable: Option<PathBuf>,
    /// Where scripts' output is kept (`--log-dir`).
    pub log_dir: PathBuf,
    /// Below which scripts get folders of their own (`--script-data-dir`).
    pub script_data_dir: PathBuf,
    /// How long an SSH client may be silent (`--ssh-max-timeout`).
    pub ssh_max_timeout: Duration,
    /// What SSH clients may not do (`--block-file-transfer` and others).
    pub ssh_blocked: Blocked,
    /// What wraps the agent (`CODER_AGENT_SUBSYSTEM`).
    pub subsystems: Vec<String>,
    /// Look for dev containers, start and list them (`--devcontainers-enable`).
    pub devcontainers: bool,
    /// Look for projects with one (`--devcontainers-project-discovery-enable`).
    pub devcontainer_discovery: bool,
    /// Start what was found so (`--devcontainers-discovery-autostart-enable`).
    pub devcontainer_autostart: bool,
    /// The server, as agents inside of dev containers reach it.
    pub url: String,
    /// Ports that the agent's process itself listens on, which are not offered to users.
    pub own_ports: BTreeSet<u16>,
    /// Tells the time of reports.
    pub clock: Arc<dyn Clock>,
    /// Scatters the waits between tries, and makes ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for AgentOptions {
    /// The system's clock and randomness, temporary folders, an empty environment, no dev containers.
    fn default() -> Self {
        Self {
            version: concat!("v", env!("CARGO_PKG_VERSION")).into(),
            token: SessionToken::default(),
            process_environment: Environment::new(),
            executable: None,
            log_dir: std::env::temp_dir(),
            script_data_dir: std::env::temp_dir(),
            ssh_max_timeout: SshOptions::DEFAULT_MAX_TIMEOUT,
            ssh_blocked: Blocked::default(),
            subsystems: Vec::new(),
            devcontainers: false,
            devcontainer_discovery: false,
            devcontainer_autostart: false,
            url: String::new(),
            own_ports: BTreeSet::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        }
    }
}

impl fmt::Debug for AgentOptions {
    /// Leaves out the environment, whose values may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AgentOptions")
            .field("version", &self.version)
            .field("log_dir", &self.log_dir)
            .field("script_data_dir", &self.script_data_dir)
            .finish_non_exhaustive()
    }
}

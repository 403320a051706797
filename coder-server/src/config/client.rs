//! What clients and agents are told.

use super::parse_duration;
use chrono::TimeDelta;

/// What clients and agents are told.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct ClientConfig {
    /// Workspaces are reached over SSH as `<workspace>.<suffix>`.
    #[arg(long, env = "CODER_WORKSPACE_HOSTNAME_SUFFIX", default_value = "coder")]
    pub workspace_hostname_suffix: String,
    /// Workspaces are also reached over SSH as `<prefix><workspace>`.
    #[arg(long, env = "CODER_SSH_HOSTNAME_PREFIX", default_value = "coder.")]
    pub ssh_hostname_prefix: String,
    /// Options that `config-ssh` writes, `Name=value` or `Name value`.
    #[arg(long, env = "CODER_SSH_CONFIG_OPTIONS", value_delimiter = ',')]
    pub ssh_config_options: Vec<String>,
    /// What the command line says when its version is not the server's.
    #[arg(
        long,
        env = "CODER_CLI_UPGRADE_MESSAGE",
        default_value = "",
        hide_default_value = true
    )]
    pub cli_upgrade_message: String,
    /// How often agents report their connections.
    #[arg(long, env = "CODER_AGENT_STATS_REFRESH_INTERVAL", default_value = "30s", value_parser = parse_duration)]
    pub agent_stats_refresh_interval: TimeDelta,
    /// Where users find help with agents that do not connect, for templates that do not say.
    #[arg(
        long,
        env = "CODER_AGENT_FALLBACK_TROUBLESHOOTING_URL",
        default_value = "",
        hide_default_value = true
    )]
    pub agent_fallback_troubleshooting_url: String,
}

//! Flags of `coder config-ssh`.

use crate::cli::reach::Wait;
use std::path::PathBuf;

/// Flags of `coder config-ssh`.
#[derive(clap::Args)]
pub(crate) struct ConfigSshArgs {
    /// The SSH configuration, `~/.ssh/config` by default.
    #[arg(long, env = "CODER_SSH_CONFIG_FILE")]
    pub(super) ssh_config_file: Option<PathBuf>,
    /// The binary that the configuration calls, this one by default.
    #[arg(long, env = "CODER_SSH_CONFIG_BINARY_PATH")]
    pub(super) coder_binary_path: Option<PathBuf>,
    /// Show the section and write nothing.
    #[arg(short = 'n', long, env = "CODER_SSH_DRY_RUN")]
    pub(super) dry_run: bool,
    /// Take the options of the last run, which the section remembers, instead of those given now.
    #[arg(long, env = "CODER_SSH_USE_PREVIOUS_OPTIONS")]
    pub(super) use_previous_options: bool,
    /// Write paths with `/` only, for shells like those of Unix on Windows.
    #[arg(long, env = "CODER_CONFIGSSH_UNIX_FILEPATHS")]
    pub(super) force_unix_filepaths: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) section: SectionArgs,
}

/// What the section is like. These are remembered in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct SectionArgs {
    /// Option to add, `Name=value`; it counts more than ours and the server's.
    #[arg(
        short = 'o',
        long,
        env = "CODER_SSH_CONFIG_OPTS",
        value_name = "NAME=VALUE"
    )]
    pub(super) ssh_option: Vec<String>,
    /// Prefix of host names, the server's by default.
    #[arg(long, env = "CODER_CONFIGSSH_SSH_HOST_PREFIX")]
    pub(super) ssh_host_prefix: Option<String>,
    /// Suffix of host names, the server's by default.
    #[arg(long, env = "CODER_CONFIGSSH_HOSTNAME_SUFFIX")]
    pub(super) hostname_suffix: Option<String>,
    /// Whether connections wait for start scripts.
    #[arg(
        long,
        env = "CODER_CONFIGSSH_WAIT",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "yes|no|auto"
    )]
    pub(super) wait: Wait,
    /// Do not start stopped workspaces.
    #[arg(long, env = "CODER_CONFIGSSH_DISABLE_AUTOSTART")]
    pub(super) disable_autostart: bool,
    /// Write one host for each workspace that there is now, instead of one pattern for all.
    #[arg(long, env = "CODER_CONFIGSSH_NO_WILDCARD")]
    pub(super) no_wildcard: bool,
}

//! Flags of `coder ssh`.

use super::remote_forward::{self, RemoteForward};
use crate::cli::{
    duration::parse_interval,
    output::error_line,
    reach::{Wait, Wish},
};
use std::{path::PathBuf, time::Duration};

/// Flags of `coder ssh`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SshArgs {
    /// The workspace, `workspace.agent` where there are several agents.
    pub(super) workspace: String,
    /// The command; a shell without one.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) command: Vec<String>,
    /// Speak SSH on standard input and output, for a ProxyCommand.
    #[arg(long, env = "CODER_SSH_STDIO")]
    pub(super) stdio: bool,
    /// Open a terminal for a command as well.
    #[arg(short, long, env = "CODER_SSH_TTY")]
    pub(super) tty: bool,
    /// Prefix that host names have.
    #[arg(long, env = "CODER_SSH_SSH_HOST_PREFIX", default_value = "")]
    pub(super) ssh_host_prefix: String,
    /// Suffix that host names have.
    #[arg(long, env = "CODER_SSH_HOSTNAME_SUFFIX", default_value = "")]
    pub(super) hostname_suffix: String,
    /// Whether to wait until start scripts have ended; `auto` follows the template.
    #[arg(
        long,
        env = "CODER_SSH_WAIT",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "yes|no|auto"
    )]
    pub(super) wait: Wait,
    /// The same as `--wait no`.
    #[arg(long, env = "CODER_SSH_NO_WAIT")]
    pub(super) no_wait: bool,
    /// Variable to set, `name=value`.
    #[arg(short, long, env = "CODER_SSH_ENV", value_name = "NAME=VALUE")]
    pub(super) env: Vec<String>,
    /// Port of the workspace that leads to this side; not with `--stdio`, where `ssh -R` does it.
    #[arg(short = 'R', long, env = "CODER_SSH_REMOTE_FORWARD", value_delimiter = ',',
          value_parser = remote_forward::parse, value_name = "REMOTE_PORT:LOCAL_ADDRESS:LOCAL_PORT")]
    pub(super) remote_forward: Vec<RemoteForward>,
    /// Lend the workspace this side's SSH agent; not with `--stdio`, where `ssh -A` does it.
    #[arg(short = 'A', long, env = "CODER_SSH_FORWARD_AGENT")]
    pub(super) forward_agent: bool,
    /// Lend the workspace this side's GnuPG agent, to sign and decrypt with; GnuPG has to be there too.
    #[arg(short = 'G', long, env = "CODER_SSH_FORWARD_GPG")]
    pub(super) forward_gpg: bool,
    /// Socket of the SSH agent to lend instead of that in `SSH_AUTH_SOCK`.
    #[arg(long, env = "CODER_SSH_IDENTITY_AGENT", value_name = "SOCKET")]
    pub(super) identity_agent: Option<PathBuf>,
    /// Do not start a stopped workspace.
    #[arg(long, env = "CODER_SSH_DISABLE_AUTOSTART")]
    pub(super) disable_autostart: bool,
    /// How often to look whether the workspace is still there.
    #[arg(long, env = "CODER_WORKSPACE_POLL_INTERVAL", default_value = "1m",
          value_parser = parse_interval, value_name = "DURATION")]
    pub(super) workspace_poll_interval: Duration,
    /// Folder to write a log of the connection into.
    #[arg(short, long, env = "CODER_SSH_LOG_DIR", value_name = "DIR")]
    pub(super) log_dir: Option<PathBuf>,
    /// Folder to keep a file with the state of the connection in, for editors.
    #[arg(long, value_name = "DIR")]
    pub(super) network_info_dir: Option<PathBuf>,
    /// How often that file is written.
    #[arg(long, default_value = "5s", value_parser = parse_interval, value_name = "DURATION")]
    pub(super) network_info_interval: Duration,
    /// Where OpenSSH looks for the workspace's host key: written before the first byte is passed on.
    #[arg(long, hide = true, value_name = "FILE")]
    pub(super) known_hosts_file: Option<PathBuf>,
    /// What the connection is for, in the server's statistics: `vscode`, `jetbrains` or `ssh`.
    #[arg(long, hide = true, env = "CODER_SSH_USAGE_APP", value_name = "APP")]
    pub(super) usage_app: Option<String>,
}

impl SshArgs {
    /// Whether there is nothing to do but to pass bytes on.
    pub(crate) const fn only_copies(&self) -> bool {
        self.stdio
    }

    /// The socket of the SSH agent that is lent to the workspace.
    pub(super) fn lent_agent(&self) -> Option<PathBuf> {
        if !self.forward_agent {
            return None;
        }
        let socket = self.identity_agent.clone().or_else(|| {
            let found = std::env::var_os("SSH_AUTH_SOCK");
            found.filter(|path| !path.is_empty()).map(PathBuf::from)
        });
        if socket.is_none() {
            error_line(
                "warning: there is no SSH agent to lend, since SSH_AUTH_SOCK is not set; start one with: eval \"$(ssh-agent)\"",
            );
        }
        socket
    }

    /// What is wanted of the workspace.
    pub(super) fn wish(&self) -> Wish {
        Wish {
            autostart: !self.disable_autostart,
            wait: if self.no_wait { Wait::No } else { self.wait },
        }
    }
}

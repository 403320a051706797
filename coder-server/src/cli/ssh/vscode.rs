//! `coder vscodessh`: the ProxyCommand of the VS Code extension.
//!
//! The extension keeps a session of its own in files and gives their names, and a host name of the form
//! `coder-vscode.<domain>--<owner>--<workspace>[.<agent>]`, whose first part stands for the deployment.

use super::{SshArgs, connect::SSH_FAULT, run as run_ssh};
use crate::cli::{
    duration::parse_interval,
    error::{CliError, CliResult},
    global::GlobalArgs,
    reach::Wait,
};
use coder_core::name::check_name;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Flags of `coder vscodessh`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VsCodeSshArgs {
    /// Folder to keep a file with the state of the connection in.
    #[arg(long, value_name = "DIR")]
    network_info_dir: PathBuf,
    /// How often that file is written.
    #[arg(long, default_value = "5s", value_parser = parse_interval, value_name = "DURATION")]
    network_info_interval: Duration,
    /// File with the session token.
    #[arg(long, value_name = "FILE")]
    session_token_file: PathBuf,
    /// File with the URL of the deployment.
    #[arg(long, value_name = "FILE")]
    url_file: PathBuf,
    /// Whether to wait until start scripts have ended.
    #[arg(long, env = "CODER_SSH_WAIT", value_enum, default_value = "auto")]
    wait: Wait,
    /// Folder to write a log of the connection into.
    #[arg(short, long, env = "CODER_SSH_LOG_DIR", value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// The host as the extension names it.
    host: String,
}

/// Passes the bytes of an SSH connection.
pub(crate) async fn run(global: &GlobalArgs, args: VsCodeSshArgs) -> CliResult {
    let prepared = prepare(global, args).map_err(|error| error.instead_of_general(SSH_FAULT));
    let (global, args) = prepared?;
    run_ssh(&global, args).await
}

fn prepare(global: &GlobalArgs, args: VsCodeSshArgs) -> CliResult<(GlobalArgs, SshArgs)> {
    let mut global = global.clone();
    global.url = Some(read(&args.url_file)?);
    global.token = Some(read(&args.session_token_file)?);
    let args = SshArgs {
        workspace: workspace(&args.host)?,
        command: Vec::new(),
        stdio: true,
        tty: false,
        ssh_host_prefix: String::new(),
        hostname_suffix: String::new(),
        wait: args.wait,
        no_wait: false,
        env: Vec::new(),
        remote_forward: Vec::new(),
        forward_agent: false,
        forward_gpg: false,
        identity_agent: None,
        // The extension starts workspaces itself.
        disable_autostart: true,
        workspace_poll_interval: Duration::from_secs(60),
        log_dir: args.log_dir,
        network_info_dir: Some(args.network_info_dir),
        network_info_interval: args.network_info_interval,
        known_hosts_file: None,
        usage_app: Some("vscode".to_owned()),
    };
    Ok((global, args))
}

/// `owner/workspace[.agent]` of the extension's host name.
fn workspace(host: &str) -> CliResult<String> {
    let refused = || {
        CliError::new(format!("{host:?} is not a host of the VS Code extension")).hint(
            "It is written like coder-vscode.<domain>--<owner>--<workspace>, with .<agent> at will.",
        )
    };
    let is_name = |text: &str| check_name("owner", text).is_ok();
    let parts: Vec<&str> = host.split("--").collect();
    match parts.as_slice() {
        // An older form has the agent as a part of its own. A domain, which may hold "--" too, is no name.
        [_, .., owner, workspace, agent] if is_name(owner) => {
            Ok(format!("{owner}/{workspace}.{agent}"))
        }
        [_, .., owner, workspace] => Ok(format!("{owner}/{workspace}")),
        _ => Err(refused()),
    }
}

fn read(file: &Path) -> CliResult<String> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        CliError::new(format!("{} cannot be read", file.display())).caused_by(error)
    })?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_extension_name_a_workspace() {
        for (host, expected) in [
            ("coder-vscode.dev.example.com--ann--dev", "ann/dev"),
            (
                "coder-vscode.dev.example.com--ann--dev.main",
                "ann/dev.main",
            ),
            ("coder-vscode--ann--dev--main", "ann/dev.main"),
            ("coder-vscode.xn--bcher-kva.example--ann--dev", "ann/dev"),
        ] {
            assert_eq!(workspace(host).expect(host), expected);
        }
        for host in ["coder-vscode.x", "a--b", ""] {
            workspace(host).expect_err(host);
        }
    }
}

//! `coder ssh` and `coder vscodessh`: a shell, a command, or the bytes for an OpenSSH client.

mod args;
mod connect;
mod gpg;
mod known_hosts;
mod log_file;
mod network_info;
mod remote_forward;
mod session;
mod stdio;
mod usage;
mod vscode;

pub(crate) use args::SshArgs;
pub(crate) use connect::run;
pub(crate) use known_hosts::FILE_NAME as KNOWN_HOSTS_FILE;
pub(crate) use vscode::{VsCodeSshArgs, run as run_vscode};

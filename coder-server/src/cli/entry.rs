//! What this binary was started as.

use coder_provisioner::{terraform::launcher, tfprovider};
use std::{ffi::OsString, process::ExitCode};

/// Runs this process with its arguments, the program's name first: as Terraform's provider, as the small
/// program in front of Terraform, as what Git calls in workspaces, as an agent, or as the command line.
#[must_use]
pub fn entry(arguments: Vec<OsString>) -> ExitCode {
    if tfprovider::is_plugin_invocation() {
        return match tfprovider::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => super::error::CliError::new("the provider ended")
                .caused_by(error)
                .report(),
        };
    }
    if let Some(code) = coder_agent::cli::git_helper_main(arguments.get(1..).unwrap_or_default()) {
        return code;
    }
    let verb = arguments
        .get(1)
        .and_then(|word| word.to_str())
        .unwrap_or_default()
        .to_owned();
    let rest = arguments.clone().into_iter().skip(2);
    match verb.as_str() {
        launcher::SUBCOMMAND => launcher::main(rest),
        "agent" => coder_agent::cli::agent_main(rest),
        "stat" => coder_agent::cli::stat_main(rest),
        "gitssh" => coder_agent::cli::gitssh_main(rest),
        "gitaskpass" => coder_agent::cli::gitaskpass_main(rest),
        _ => super::main(arguments),
    }
}

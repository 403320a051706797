use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use super::{
    VERSION_LINE, agent_main, git_helper_main, gitaskpass_main, gitssh_main, publickey_main,
    stat_main,
};

const HELP: &str = "\
Usage: coder-agent <COMMAND>

The part of Coder that runs inside of workspaces.

Commands:
  agent        Connect this workspace to the server (reads CODER_AGENT_URL, CODER_AGENT_TOKEN)
  stat         Show how much CPU, memory or disk is used
  gitssh       ssh for Git, with your Coder key
  gitaskpass   Answer Git's question for a name or password
  publickey    Print the key that Git hosts have to know
  version      Show the version
";

/// The whole slim binary: `arguments` without the program's name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    if let Some(code) = git_helper_main(&arguments) {
        return code;
    }
    let mut arguments = arguments.into_iter();
    let command = arguments.next().unwrap_or_default();
    match command.to_str() {
        Some("agent") => agent_main(arguments),
        Some("stat") => stat_main(arguments),
        Some("gitssh") => gitssh_main(arguments),
        Some("gitaskpass") => gitaskpass_main(arguments),
        Some("publickey" | "pubkey") => publickey_main(),
        Some("--version" | "-v" | "-V" | "version") => print(VERSION_LINE),
        Some("--help" | "-h" | "help") => print(HELP.trim_end()),
        Some("") => complain(HELP),
        _ => complain(&format!(
            "{} is not a command of the agent.\n",
            command.display()
        )),
    }
}

/// Writes to standard output; that nobody reads it is not worth a message.
pub(super) fn print(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes to standard error and gives the code of wrong usage.
pub(super) fn complain(text: &str) -> ExitCode {
    let _ = write!(std::io::stderr(), "{text}");
    ExitCode::from(2)
}

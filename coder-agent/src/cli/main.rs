use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use super::{VERSION_LINE, agent_main, stat_main};

const HELP: &str = "\
Usage: coder-agent <COMMAND>

The part of Coder that runs inside of workspaces.

Commands:
  agent      Connect this workspace to the server (reads CODER_AGENT_URL, CODER_AGENT_TOKEN)
  stat       Show how much CPU, memory or disk is used
  version    Show the version
";

/// The whole slim binary: `arguments` without the program's name.
pub fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let command = arguments.next().unwrap_or_default();
    match command.to_str() {
        Some("agent") => agent_main(arguments),
        Some("stat") => stat_main(arguments),
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

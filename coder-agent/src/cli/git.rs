use std::ffi::OsString;
use std::process::ExitCode;

use super::main::{complain, print};
use crate::git::{Prompt, git_sign, gitaskpass, gitssh, public_key};
use crate::platform::process::environment;

const GITSSH_HELP: &str = "\
Usage: coder gitssh -- <arguments of ssh>

OpenSSH's client with your Coder key as well. Sessions in workspaces set GIT_SSH_COMMAND to it.
";

const GITASKPASS_HELP: &str = "\
Usage: coder gitaskpass <prompt>

Answers Git's question for a name or password. Sessions in workspaces set GIT_ASKPASS to it.
";

/// `coder gitssh`: the arguments after `gitssh`.
pub fn gitssh_main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.peekable();
    match arguments.peek().and_then(|first| first.to_str()) {
        Some("--help" | "-h") => return print(GITSSH_HELP.trim_end()),
        None => return complain(GITSSH_HELP),
        Some("--") => {
            arguments.next();
        }
        Some(_) => {}
    }
    gitssh(arguments, &environment())
}

/// `coder gitaskpass`: the arguments after `gitaskpass`.
pub fn gitaskpass_main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let argument = arguments.next().unwrap_or_default();
    if argument == "--help" || argument == "-h" {
        return print(GITASKPASS_HELP.trim_end());
    }
    match Prompt::parse(&argument) {
        Some(prompt) => gitaskpass(&prompt, &environment()),
        None => complain(GITASKPASS_HELP),
    }
}

/// `coder publickey`: prints the key that Git hosts have to know.
pub fn publickey_main() -> ExitCode {
    match public_key(&environment()) {
        Ok(key) => print(key.trim_end()),
        Err(error) => {
            complain(&format!("coder publickey: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// What Git runs without a command's name, because it takes only a path: `GIT_ASKPASS`, whose only
/// argument is a question, and `gpg.ssh.program`, whose first is `-Y`. `None` for everything else.
/// `arguments` are those after the program's name.
pub fn git_helper_main(arguments: &[OsString]) -> Option<ExitCode> {
    let first = arguments.first()?;
    if first == "-Y" {
        return Some(git_sign(arguments.iter().cloned(), &environment()));
    }
    let prompt = Prompt::parse(first).filter(|_| arguments.len() == 1)?;
    Some(gitaskpass(&prompt, &environment()))
}

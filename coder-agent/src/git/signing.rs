use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use tokio::process::Command;

use super::access;
use super::key_file::KeyFile;
use super::run::{block_on, run, say};
use crate::ssh::Environment;
use crate::{AgentApi as _, Error};

/// What Git runs as `gpg.ssh.program`: `ssh-keygen` with these arguments, `-Y` the first. A signature is
/// made with the owner's key; everything else is passed on as it is.
pub fn git_sign(arguments: impl Iterator<Item = OsString>, variables: &Environment) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let ran = block_on(async {
        if arguments.get(1).is_none_or(|act| act != "sign") {
            return run(ssh_keygen(arguments)).await;
        }
        let key = async { access::client(variables)?.git_ssh_key().await };
        let file = key
            .await
            .map_err(|error: Error| format!("your key cannot be fetched: {error}"))
            .and_then(|key| {
                KeyFile::write(&key)
                    .map_err(|error| format!("your key cannot be written to a file: {error}"))
            });
        match file {
            Ok(file) => run(ssh_keygen(with_key(arguments, file.path().as_os_str()))).await,
            Err(why) => {
                // Signing with another key than the one that was asked for would be worse than failing.
                say(&why);
                ExitCode::FAILURE
            }
        }
    });
    ran.unwrap_or_else(|error| {
        say(&format!("this cannot run: {error}"));
        ExitCode::FAILURE
    })
}

fn ssh_keygen(arguments: Vec<OsString>) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.args(arguments);
    command
}

/// The arguments of a signature with another key file. `-U` would ask an SSH agent for it.
fn with_key(arguments: Vec<OsString>, key: &OsStr) -> Vec<OsString> {
    let mut with_key = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "-f" {
            arguments.next();
            with_key.extend([argument, key.to_owned()]);
        } else if argument != "-U" {
            with_key.push(argument);
        }
    }
    with_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_replaced() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (given, expected) in [
            (
                "-Y sign -n git -f /tmp/a -U /tmp/buffer",
                "-Y sign -n git -f /k /tmp/buffer",
            ),
            (
                "-Y sign -n git -f /tmp/a /tmp/buffer",
                "-Y sign -n git -f /k /tmp/buffer",
            ),
        ] {
            assert_eq!(with_key(words(given), OsStr::new("/k")), words(expected));
        }
    }
}

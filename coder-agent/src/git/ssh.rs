use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use tokio::process::Command;

use super::access;
use super::key_file::KeyFile;
use super::run::{block_on, run, say};
use crate::ssh::{Environment, User};
use crate::{AgentApi as _, Error};

/// `coder gitssh -- …`: OpenSSH's client with these arguments, and with the owner's key after the
/// identities that the user has already. Without the server it is plain `ssh`.
pub fn gitssh(arguments: impl Iterator<Item = OsString>, variables: &Environment) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let ran = block_on(async {
        // Git asks like this what kind of ssh it has; nothing is connected to then.
        if is_probe(&arguments) {
            return run(ssh(&[], &arguments)).await;
        }
        match key(variables).await {
            Ok(file) => {
                let mut identities = own_identities(&arguments, variables).await;
                identities.push(file.path().into());
                run(ssh(&identities, &arguments)).await
            }
            Err(why) => {
                say(&format!("{why}; going on with your own keys"));
                run(ssh(&[], &arguments)).await
            }
        }
    });
    ran.unwrap_or_else(|error| {
        say(&format!("this cannot run: {error}"));
        ExitCode::FAILURE
    })
}

async fn key(variables: &Environment) -> Result<KeyFile, String> {
    let key = async { access::client(variables)?.git_ssh_key().await };
    let key = key.await;
    let key = key.map_err(|error: Error| format!("your key cannot be fetched: {error}"))?;
    KeyFile::write(&key).map_err(|error| format!("your key cannot be written to a file: {error}"))
}

fn ssh(identities: &[OsString], arguments: &[OsString]) -> Command {
    let mut command = Command::new("ssh");
    for identity in identities {
        command.arg("-i").arg(identity);
    }
    command.args(arguments);
    command
}

/// Whether `-G` is among the options before the host.
fn is_probe(arguments: &[OsString]) -> bool {
    let options = arguments
        .iter()
        .take_while(|argument| argument.as_encoded_bytes().starts_with(b"-"));
    options.into_iter().any(|option| option == "-G")
}

/// The files that ssh would use by itself for this host. Naming one more with `-i` makes it leave out its
/// usual ones, so they are named too.
async fn own_identities(arguments: &[OsString], variables: &Environment) -> Vec<OsString> {
    let mut ask = Command::new("ssh");
    ask.arg("-G").args(arguments);
    ask.stdin(Stdio::null()).stderr(Stdio::null());
    let answer: io::Result<_> = ask.output().await;
    let Ok(answer) = answer else {
        return Vec::new();
    };
    // That of the account, as OpenSSH has it.
    let home = User::current(variables).await.home;
    identity_files(&String::from_utf8_lossy(&answer.stdout))
        .filter(|file| exists(file, &home))
        .map(OsString::from)
        .collect()
}

/// As ssh prints them. Named again in the same words, they are not tried twice.
fn identity_files(answer: &str) -> impl Iterator<Item = &str> {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("identityfile "))
        .filter(|file| *file != "none")
}

fn exists(file: &str, home: &Path) -> bool {
    match file.strip_prefix("~/") {
        Some(rest) => home.join(rest).is_file(),
        None => Path::new(file).is_file(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_probe_is_told_from_a_connection() {
        assert!(is_probe(&words("-G -o SendEnv=GIT_PROTOCOL git@host")));
        assert!(is_probe(&words("-4 -G host")));
        assert!(!is_probe(&words("-p22 git@host git-upload-pack -G")));
        assert!(!is_probe(&[]));
    }

    #[test]
    fn identities_come_before_the_arguments() {
        let command = ssh(&words("~/.ssh/id_rsa /tmp/k"), &words("host true"));
        let arguments: Vec<&OsStr> = command.as_std().get_args().collect();
        assert_eq!(
            arguments,
            ["-i", "~/.ssh/id_rsa", "-i", "/tmp/k", "host", "true"]
        );
    }

    #[test]
    fn only_files_that_exist_are_named() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        std::fs::write(home.path().join(".ssh/id_rsa"), "").unwrap();
        let answer = "host x\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_dsa\n\
                      identityfile none\nidentityfile /nowhere\nidentitiesonly no\n";
        let found: Vec<&str> = identity_files(answer)
            .filter(|file| exists(file, home.path()))
            .collect();
        assert_eq!(found, ["~/.ssh/id_rsa"]);
    }
}

//! Command lines of sessions and scripts.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::process::{Child, Command};

use super::environment::expand;
use super::{Environment, User};
use crate::platform::process::{COMMAND_ARGUMENT, LOGIN_ARGUMENTS, set_name};
use crate::platform::text::{ROOT, os_string};

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// The user's login shell, reading commands from its input.
    LoginShell,
    /// A text for the user's shell, or for the interpreter that its first line names after `#!`.
    Command(OsString),
}

/// A command that runs `program` as `user`, with `environment` and nothing else, in `directory`.
///
/// Standard streams and process group are left to the caller: scripts and commands without a
/// terminal want a group of their own (`process_group(0)`), a terminal brings its own session.
#[must_use]
pub fn command(
    program: &Program,
    user: &User,
    directory: &Path,
    environment: &Environment,
) -> Command {
    let line = command_line(program, &user.shell);
    let mut command = Command::new(&line.file);
    if let Some(name) = &line.name {
        set_name(&mut command, name);
    }
    command
        .args(&line.arguments)
        .env_clear()
        .envs(environment)
        .current_dir(directory);
    command
}

/// Where a session or script starts.
///
/// `directory` may begin with `~`, contain variables, or be relative to the home directory. Where
/// it does not exist (yet) the home directory is taken, and the root where even that is missing.
#[must_use]
pub fn working_directory(directory: &str, user: &User, environment: &Environment) -> PathBuf {
    let wanted = absolute_directory(directory, user, environment);
    [wanted, user.home.clone()]
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap_or_else(|| ROOT.into())
}

/// Spawns a process while no terminal is being opened, so that no process inherits another
/// session's terminal: there is an instant at which a new terminal is not yet marked as private.
///
/// # Errors
/// As [`Command::spawn`].
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let _guard = spawn_lock();
    command.spawn()
}

/// An error of a start that says of which program, and what to do about one that is not there.
pub(crate) fn named(program: &OsStr, error: &io::Error) -> io::Error {
    let program = program.display();
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "; add it to the image of the workspace",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{program}: {error}{hint}"))
}

pub(crate) fn spawn_lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, PartialEq, Eq)]
struct CommandLine {
    file: OsString,
    /// What the process is told to be called, if that differs from `file`.
    name: Option<OsString>,
    arguments: Vec<OsString>,
}

fn command_line(program: &Program, shell: &Path) -> CommandLine {
    match program {
        // The dash tells shells that they are login shells; `-l` tells those that do not look.
        Program::LoginShell => CommandLine {
            file: shell.into(),
            name: shell.file_name().map(|file| {
                let mut name = OsString::from("-");
                name.push(file);
                name
            }),
            arguments: LOGIN_ARGUMENTS.iter().map(OsString::from).collect(),
        },
        Program::Command(text) => {
            let (words, argument) = match interpreter(text) {
                Some(words) => (words, "-c"),
                None => (vec![shell.into()], COMMAND_ARGUMENT),
            };
            let mut words = words.into_iter();
            CommandLine {
                file: words.next().unwrap_or_else(|| shell.into()),
                name: None,
                arguments: words.chain([argument.into(), text.clone()]).collect(),
            }
        }
    }
}

/// The words behind `#!` on the first line.
fn interpreter(text: &OsStr) -> Option<Vec<OsString>> {
    let line = text
        .as_encoded_bytes()
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let words: Vec<OsString> = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .map(|word| os_string(word.to_vec()))
        .collect();
    (!words.is_empty()).then_some(words)
}

/// `directory` with `~` and variables replaced, from the home directory if it is relative.
#[must_use]
pub fn absolute_directory(directory: &str, user: &User, environment: &Environment) -> PathBuf {
    let expanded = PathBuf::from(expand(OsStr::new(directory), environment));
    match expanded.strip_prefix("~") {
        Ok(rest) => user.home.join(rest),
        // Joining an absolute path gives that path.
        Err(_) => user.home.join(expanded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            name: "alice".into(),
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
        }
    }

    fn line(program: &Program) -> (String, Option<String>, Vec<String>) {
        let text = |word: OsString| word.into_string().unwrap();
        let CommandLine {
            file,
            name,
            arguments,
        } = command_line(program, Path::new("/bin/bash"));
        (
            text(file),
            name.map(text),
            arguments.into_iter().map(text).collect(),
        )
    }

    #[test]
    fn command_lines() {
        assert_eq!(
            line(&Program::LoginShell),
            ("/bin/bash".into(), Some("-bash".into()), vec!["-l".into()])
        );
        for (text, file, arguments) in [
            ("echo $(id); x", "/bin/bash", vec!["-c", "echo $(id); x"]),
            ("-x", "/bin/bash", vec!["-c", "-x"]),
            (
                "#!/bin/sh -e\nx",
                "/bin/sh",
                vec!["-e", "-c", "#!/bin/sh -e\nx"],
            ),
            (
                "#! /usr/bin/env python3\r\nx",
                "/usr/bin/env",
                vec!["python3", "-c", "#! /usr/bin/env python3\r\nx"],
            ),
            ("#!\nx", "/bin/bash", vec!["-c", "#!\nx"]),
        ] {
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            assert_eq!(
                line(&Program::Command(text.into())),
                (file.into(), None, arguments)
            );
        }
    }

    #[test]
    fn directories() {
        let environment = Environment::from([("PROJECT".into(), "/work/p".into())]);
        for (directory, expected) in [
            ("", "/home/alice/"),
            ("~", "/home/alice/"),
            ("~/src", "/home/alice/src"),
            ("src", "/home/alice/src"),
            ("/srv", "/srv"),
            ("$PROJECT/x", "/work/p/x"),
            ("~bob", "/home/alice/~bob"),
        ] {
            let found = absolute_directory(directory, &user(), &environment);
            assert_eq!(found, Path::new(expected), "{directory}");
        }
        let none = Environment::new();
        assert_eq!(
            working_directory("/does/not/exist", &user(), &none),
            Path::new("/")
        );
    }
}

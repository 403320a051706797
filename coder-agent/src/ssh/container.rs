//! Sessions inside of a container.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use tokio::process::Command;

use super::{Environment, Program};
use crate::devcontainers::find_engine;

/// The variables of a client's environment that direct a session into a container.
const CONTAINER: &str = "CODER_CONTAINER";
const USER: &str = "CODER_CONTAINER_USER";

/// Finds the user's shell inside, where no name service may be installed. `$1` is a command; without one it
/// is a login shell.
const SHELL: &str = r#"
name="$(id -un 2>/dev/null)"
entry="$(getent passwd "$name" 2>/dev/null || grep "^$name:" /etc/passwd 2>/dev/null)"
shell="${entry##*:}"
[ -x "$shell" ] || shell=/bin/sh
if [ "$#" -gt 0 ]; then exec "$shell" -c "$1"; fi
exec "$shell" -l
"#;

/// A container that a session goes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContainerTarget {
    /// The engine's command line.
    engine: PathBuf,
    container: String,
    /// Empty for the container's own user.
    user: String,
}

impl ContainerTarget {
    /// The container that the variables of a `client` name, if they name one, reached by an engine on the
    /// `PATH` of `environment`.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for what cannot be a container or a user,
    /// [`NotFound`](io::ErrorKind::NotFound) without an engine.
    pub(super) fn of(client: &Environment, environment: &Environment) -> io::Result<Option<Self>> {
        let value = |name: &str| {
            client
                .get(OsStr::new(name))
                .filter(|value| !value.is_empty())
        };
        let Some(container) = value(CONTAINER) else {
            return Ok(None);
        };
        let container = word(CONTAINER, container)?;
        let user = value(USER).map(|user| word(USER, user)).transpose()?;
        let engine = find_engine(environment).ok_or_else(|| {
            let text = "the workspace has neither docker nor podman";
            io::Error::new(io::ErrorKind::NotFound, text)
        })?;
        Ok(Some(Self {
            engine,
            container,
            user: user.unwrap_or_default(),
        }))
    }

    /// A command that runs `program` inside. `environment` is for the engine's command line, which passes on
    /// what the `client` set.
    pub(super) fn command(
        &self,
        program: &Program,
        terminal: bool,
        environment: &Environment,
        client: &Environment,
    ) -> Command {
        let mut command = Command::new(&self.engine);
        command
            .args(self.arguments(program, terminal, client))
            .env_clear()
            .envs(environment)
            .current_dir("/");
        command
    }

    fn arguments(&self, program: &Program, terminal: bool, client: &Environment) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["exec".into(), "--interactive".into()];
        if terminal {
            arguments.extend(["--tty", "--env", "TERM"].map(OsString::from));
        }
        if !self.user.is_empty() {
            arguments.extend(["--user".into(), OsString::from(&self.user)]);
        }
        // By name alone: the values stay out of command lines, which everybody sees.
        let passed = client
            .keys()
            .filter(|name| *name != CONTAINER && *name != USER);
        for name in passed {
            arguments.extend(["--env".into(), name.clone()]);
        }
        let rest = [self.container.as_str(), "sh", "-c", SHELL, "sh"];
        arguments.extend(rest.map(OsString::from));
        if let Program::Command(text) = program {
            arguments.push(text.clone());
        }
        arguments
    }
}

fn word(name: &str, value: &OsStr) -> io::Result<String> {
    let word = value.to_str().filter(|value| is_word(value));
    word.map(str::to_owned).ok_or_else(|| {
        let text = format!("{name} is not the name of a container or user");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

/// Whether a text can be the name or id of a container, or a user with or without a group: nothing that could
/// be taken for an option.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(byte);
    bytes.len() <= 255
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(pairs: &[(&str, &str)]) -> Environment {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn only_names_of_containers_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = client(&[("PATH", folder.path().to_str().unwrap())]);
        let of = |pairs: &[(&str, &str)]| ContainerTarget::of(&client(pairs), &path);
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[(CONTAINER, ""), (USER, "-x")]).unwrap(), None);
        let named = [(CONTAINER, "c45c_1"), (USER, "1000:1000")];
        assert_eq!(of(&named).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(folder.path().join("podman"), "").unwrap();
        let found = of(&named).unwrap().unwrap();
        assert_eq!(
            (found.container.as_str(), found.user.as_str()),
            ("c45c_1", "1000:1000")
        );
        assert_eq!(found.engine, folder.path().join("podman"));
        for (container, user) in [
            ("--privileged", ""),
            ("a b", ""),
            ("$(id)", ""),
            ("a;b", ""),
            ("a\nb", ""),
            ("ok", "-u"),
            ("ok", "a b"),
        ] {
            let refused = of(&[(CONTAINER, container), (USER, user)]);
            assert!(refused.is_err(), "{container} {user}");
        }
        assert!(of(&[(CONTAINER, &"x".repeat(256))]).is_err());
    }

    #[test]
    fn command_lines() {
        let target = ContainerTarget {
            engine: "/usr/bin/docker".into(),
            container: "dev".into(),
            user: "ann".into(),
        };
        let set = client(&[("LANG", "C"), (CONTAINER, "dev"), ("SECRET", "canary")]);
        let line = target.arguments(&Program::LoginShell, true, &set);
        let expected = [
            "exec",
            "--interactive",
            "--tty",
            "--env",
            "TERM",
            "--user",
            "ann",
            "--env",
            "LANG",
            "--env",
            "SECRET",
            "dev",
            "sh",
            "-c",
            SHELL,
            "sh",
        ];
        assert_eq!(line, expected);
        let text = "echo $(id); -x";
        let target = ContainerTarget {
            user: String::new(),
            ..target
        };
        let line = target.arguments(&Program::Command(text.into()), false, &Environment::new());
        assert_eq!(
            line,
            [
                "exec",
                "--interactive",
                "dev",
                "sh",
                "-c",
                SHELL,
                "sh",
                text
            ]
        );
    }
}

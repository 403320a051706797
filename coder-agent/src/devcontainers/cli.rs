//! `devcontainer`, the command line of @devcontainers/cli.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::configuration::Configuration;
use super::program::{Call, find, told, words};
use crate::ssh::Environment;

/// How long the making of a container may take: images are built and fetched.
const UP_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long the reading of a configuration may take.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The program, as a user of the workspace calls it.
#[derive(Clone, Debug)]
pub(super) struct DevcontainerCli {
    program: PathBuf,
    environment: Environment,
}

/// A project, as the program is told of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Project<'a> {
    pub(super) folder: &'a str,
    /// Empty for its usual place.
    pub(super) config: &'a str,
}

/// The last line of `devcontainer up`.
#[derive(Deserialize)]
struct Outcome {
    outcome: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    description: String,
}

/// A line of its log in JSON.
#[derive(Deserialize)]
struct LogLine {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    level: i64,
    #[serde(default)]
    text: String,
}

impl DevcontainerCli {
    pub(super) fn find(environment: &Environment) -> Option<Self> {
        Some(Self {
            program: find(&["devcontainer"], environment)?,
            environment: environment.clone(),
        })
    }

    /// Makes the container of a project and starts it, anew when `again`. `line` gets what it says.
    pub(super) async fn up(
        &self,
        project: Project<'_>,
        again: bool,
        mut line: impl FnMut(&str),
    ) -> io::Result<()> {
        let mut arguments = words(["up", "--log-format", "json"]);
        arguments.extend(project.arguments());
        if again {
            arguments.extend(words(["--remove-existing-container"]));
        }
        let call = Call {
            limit: UP_TIMEOUT,
            ..self.call(arguments)
        };
        let output = call
            .run(|json| {
                for text in log_text(json) {
                    line(&text);
                }
            })
            .await?;
        outcome(&output.stdout, &output.stderr)
    }

    /// What `devcontainer.json` of a project says, with what its image and features add.
    pub(super) async fn configuration(&self, project: Project<'_>) -> io::Result<Configuration> {
        let mut arguments = words(["read-configuration", "--include-merged-configuration"]);
        arguments.extend(project.arguments());
        let output = self.call(arguments).output().await?;
        Ok(serde_json::from_slice(&output)?)
    }

    fn call(&self, arguments: Vec<std::ffi::OsString>) -> Call<'_> {
        Call {
            program: &self.program,
            arguments,
            environment: &self.environment,
            limit: READ_TIMEOUT,
        }
    }
}

impl Project<'_> {
    fn arguments(&self) -> Vec<std::ffi::OsString> {
        let mut arguments = words(["--workspace-folder", self.folder]);
        if !self.config.is_empty() {
            arguments.extend(words(["--config", self.config]));
        }
        arguments
    }
}

/// Whether it worked: the last line of standard output says so.
fn outcome(stdout: &[u8], stderr: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(stdout);
    let lines = text.lines().rev();
    let outcome = lines
        .map(|line| serde_json::from_str::<Outcome>(line.trim()))
        .find_map(Result::ok);
    match outcome {
        Some(Outcome { outcome, .. }) if outcome == "success" => Ok(()),
        Some(failed) => {
            let parts = [failed.description.as_str(), &failed.message];
            let mut parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.dedup();
            Err(io::Error::other(told(parts.join(": ").as_bytes())))
        }
        None => Err(io::Error::other(format!(
            "devcontainer up ended without saying how: {}",
            told(stderr)
        ))),
    }
}

/// The text of a line of its log, without colours and without what is only for its authors.
fn log_text(json: &str) -> Vec<String> {
    let Ok(line) = serde_json::from_str::<LogLine>(json) else {
        // What is no JSON comes from a program below it.
        return vec![plain(json)];
    };
    let shown = matches!(line.kind.as_str(), "text" | "raw" | "start") && line.level >= 2;
    let lines = line.text.lines().map(plain);
    lines
        .filter(|text| shown && !text.trim().is_empty())
        .collect()
}

/// A text without the sequences that drive terminals.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `ESC [ … letter`; anything else is one character long.
            if characters.next() == Some('[') {
                characters.by_ref().find(|one| one.is_ascii_alphabetic());
            }
        } else if character == '\t' || !character.is_control() {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_the_outcome() {
        // As 0.89.0 writes them.
        let good = br#"{"outcome":"success","containerId":"c45c","remoteUser":"ann"}"#;
        outcome(good, b"").unwrap();
        let bad = br#"{"outcome":"error","message":"Command failed: docker pull nope","description":"An error occurred setting up the container."}"#;
        let error = outcome(bad, b"").unwrap_err().to_string();
        assert_eq!(
            error,
            "An error occurred setting up the container.: Command failed: docker pull nope"
        );
        let same = br#"{"outcome":"error","message":"not found.","description":"not found."}"#;
        assert_eq!(outcome(same, b"").unwrap_err().to_string(), "not found.");
        let error = outcome(b"", b"node: not found\n").unwrap_err().to_string();
        assert!(error.contains("node: not found"), "{error}");
    }

    #[test]
    fn its_log_is_shown_in_plain_text() {
        let text = r#"{"type":"text","level":3,"text":"@devcontainers/cli 0.89.0."}"#;
        assert_eq!(log_text(text), ["@devcontainers/cli 0.89.0."]);
        let coloured = r#"{"type":"text","level":2,"text":"\u001b[1m\u001b[31mred\u001b[39m\r\n\u001b[22m\r\n"}"#;
        assert_eq!(log_text(coloured), ["red"]);
        assert!(log_text(r#"{"type":"stop","level":2,"text":"Run: x"}"#).is_empty());
        assert!(log_text(r#"{"type":"text","level":1,"text":"detail"}"#).is_empty());
        assert_eq!(log_text("plain \u{1b}]8;;x\u{7}text"), ["plain 8;;xtext"]);
    }
}

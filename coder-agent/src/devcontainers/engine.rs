//! Docker or Podman.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::inspect;
use super::program::{Call, find, words};
use crate::protocol::WorkspaceAgentContainer;
use crate::ssh::Environment;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long the copy of a binary may take.
const COPY_TIMEOUT: Duration = Duration::from_secs(120);
/// The most containers that are looked at.
const MAX_CONTAINERS: usize = 1_000;

/// The engine's command line, where it is installed: `docker`, else `podman`.
#[must_use]
pub fn find_engine(environment: &Environment) -> Option<PathBuf> {
    find(&["docker", "podman"], environment)
}

/// An engine, as a user of the workspace calls it.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    program: PathBuf,
    environment: Environment,
}

impl Engine {
    pub(super) fn find(environment: &Environment) -> Option<Self> {
        Some(Self {
            program: find_engine(environment)?,
            environment: environment.clone(),
        })
    }

    /// All containers, running or not, and what could not be read.
    pub(super) async fn list(&self) -> io::Result<(Vec<WorkspaceAgentContainer>, Vec<String>)> {
        let ids = self.call(words(["ps", "--all", "--quiet", "--no-trunc"]), TIMEOUT);
        let ids = String::from_utf8_lossy(&ids.output().await?).into_owned();
        let ids: Vec<&str> = ids.split_whitespace().take(MAX_CONTAINERS).collect();
        if ids.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let arguments = words(["inspect", "--type", "container"].into_iter().chain(ids));
        // One that went away meanwhile is named on standard error, the others are answered.
        let output = self.call(arguments, TIMEOUT).run(|_| {}).await?;
        inspect::containers(&output.stdout)
    }

    /// Runs a command inside of a container as `user`, or as the container's own when that is empty.
    pub(super) async fn exec(
        &self,
        container: &str,
        user: &str,
        command: &[&str],
    ) -> io::Result<Vec<u8>> {
        let mut arguments = words(["exec"]);
        if !user.is_empty() {
            arguments.extend(words(["--user", user]));
        }
        arguments.extend(words([container]));
        arguments.extend(words(command.iter().copied()));
        self.call(arguments, TIMEOUT).output().await
    }

    /// Copies a file into a container.
    pub(super) async fn copy(&self, file: &Path, container: &str, to: &str) -> io::Result<()> {
        let mut arguments = words(["cp"]);
        arguments.push(file.into());
        arguments.push(format!("{container}:{to}").into());
        self.call(arguments, COPY_TIMEOUT).output().await.map(drop)
    }

    /// Ends a container and removes it.
    pub(super) async fn remove(&self, container: &str) -> io::Result<()> {
        let arguments = words(["rm", "--force", "--volumes", container]);
        self.call(arguments, COPY_TIMEOUT).output().await.map(drop)
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) const fn environment(&self) -> &Environment {
        &self.environment
    }

    fn call(&self, arguments: Vec<OsString>, limit: Duration) -> Call<'_> {
        Call {
            program: &self.program,
            arguments,
            environment: &self.environment,
            limit,
        }
    }
}

//! Terraform as a child process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::OsString;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::launcher;
use super::lines::read_lines;
use crate::{Error, ErrorKind, Result};

/// How long output may still come after the process has ended. Something it started may keep the
/// pipes open for ever.
const DRAIN: Duration = Duration::from_secs(2);

/// Which stream a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// How to start terraform.
#[derive(Debug)]
pub(super) struct Invocation<'a> {
    pub(super) terraform: &'a Path,
    pub(super) launcher: Option<&'a Path>,
    /// The session's lock file, for the launcher.
    pub(super) lock: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: &'a BTreeMap<OsString, OsString>,
    /// Time between the interrupt and the kill.
    pub(super) grace: Duration,
}

impl Invocation<'_> {
    /// Runs to the end and gives away each line of output.
    ///
    /// # Errors
    /// [`ErrorKind::Canceled`] when `cancel` fired, [`ErrorKind::Failed`] when terraform did not
    /// exit with 0.
    pub(super) async fn run(
        &self,
        cancel: &CancellationToken,
        each: &(dyn Fn(Stream, String) + Sync),
    ) -> Result<()> {
        let mut running = self.start(cancel)?;
        let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
        let output = async {
            let stdout = async {
                if let Some(stdout) = stdout {
                    read_lines(stdout, |line| each(Stream::Stdout, line)).await;
                }
            };
            let stderr = async {
                if let Some(stderr) = stderr {
                    read_lines(stderr, |line| each(Stream::Stderr, line)).await;
                }
            };
            tokio::join!(stdout, stderr);
        };
        let (status, _) = self.finish(&mut running, output, cancel).await?;
        self.check(status, cancel)
    }

    /// Runs to the end and answers with the standard output, at most `limit` bytes of it; lines
    /// of the standard error are given away.
    ///
    /// # Errors
    /// As [`Self::run`], and [`ErrorKind::Failed`] when there is more output.
    pub(super) async fn capture(
        &self,
        limit: u64,
        cancel: &CancellationToken,
        each_error: &(dyn Fn(String) + Sync),
    ) -> Result<Vec<u8>> {
        let mut running = self.start(cancel)?;
        let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
        let output = async {
            let stdout = async {
                let mut bytes = Vec::new();
                if let Some(stdout) = stdout {
                    stdout.take(limit + 1).read_to_end(&mut bytes).await?;
                }
                Ok::<_, std::io::Error>(bytes)
            };
            let stderr = async {
                if let Some(stderr) = stderr {
                    read_lines(stderr, each_error).await;
                }
            };
            tokio::join!(stdout, stderr).0
        };
        let (status, output) = self.finish(&mut running, output, cancel).await?;
        self.check(status, cancel)?;
        let bytes = output
            .ok_or_else(|| Error::new(ErrorKind::Failed, self.named("kept its output open")))?
            .map_err(|error| Error::internal(self.named("cannot be read"), error))?;
        if bytes.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::Failed,
                self.named("printed too much"),
            ));
        }
        Ok(bytes)
    }

    fn start(&self, cancel: &CancellationToken) -> Result<Running> {
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        let mut command = match self.launcher {
            None => Command::new(self.terraform),
            Some(launcher) => {
                let mut command = Command::new(launcher);
                command.arg(launcher::SUBCOMMAND).arg(&self.lock);
                command.arg("--").arg(self.terraform);
                command
            }
        };
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.environment)
            .stdin(self.launcher.map_or_else(Stdio::null, |_| Stdio::piped()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A group of its own, so that what terraform starts can be ended with it.
            .process_group(0);
        let child = command
            .spawn()
            .map_err(|error| Error::internal(self.named("cannot be started"), error))?;
        Ok(Running::new(child))
    }

    /// Waits for the process, ends it when it is cancelled, and collects the output.
    async fn finish<T>(
        &self,
        running: &mut Running,
        output: impl Future<Output = T>,
        cancel: &CancellationToken,
    ) -> Result<(ExitStatus, Option<T>)> {
        let mut output = Box::pin(output);
        let mut exit = Box::pin(running.wait(self.grace, cancel));
        let (status, output) = tokio::select! {
            status = &mut exit => (status, timeout(DRAIN, output).await.ok()),
            output = &mut output => (exit.await, Some(output)),
        };
        let status =
            status.map_err(|error| Error::internal(self.named("cannot be awaited"), error))?;
        Ok((status, output))
    }

    fn check(&self, status: ExitStatus, cancel: &CancellationToken) -> Result<()> {
        use std::os::unix::process::ExitStatusExt as _;
        if status.success() {
            return Ok(());
        }
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        let ending = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with code {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "ended in an unknown way".to_owned(),
        };
        Err(Error::new(ErrorKind::Failed, self.named(&ending)))
    }

    fn named(&self, what: &str) -> String {
        let verb = self
            .arguments
            .first()
            .map(|verb| verb.to_string_lossy())
            .unwrap_or_default();
        format!("terraform {verb} {what}")
    }
}

/// A child that does not outlive its owner, nor does what it started in its group.
struct Running {
    child: Child,
    /// The group, while the child has not been reaped: afterwards the number may be somebody
    /// else's.
    group: Option<Pid>,
    /// Tells the launcher that this process lives.
    lifeline: Option<ChildStdin>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        // Waiting for a child closes its standard input if it is still in there.
        let lifeline = child.stdin.take();
        Self {
            child,
            group,
            lifeline,
        }
    }

    async fn wait(
        &mut self,
        grace: Duration,
        cancel: &CancellationToken,
    ) -> std::io::Result<ExitStatus> {
        let (child, group) = (&mut self.child, self.group);
        let status = tokio::select! {
            status = wait_or_end(child, group, grace, cancel) => status,
            never = beat(self.lifeline.as_mut()) => match never {},
        };
        // Killed from outside: what it was running has lost its supervisor.
        if status.as_ref().is_ok_and(|status| status.code().is_none()) {
            signal(group, Signal::KILL);
        }
        self.group = None;
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        signal(self.group, Signal::KILL);
    }
}

/// Waits for the child; on `cancel` interrupts its group, and kills that after `grace`.
async fn wait_or_end(
    child: &mut Child,
    group: Option<Pid>,
    grace: Duration,
    cancel: &CancellationToken,
) -> std::io::Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status,
        () = cancel.cancelled() => {}
    }
    signal(group, Signal::INT);
    let ended = timeout(grace, child.wait()).await.ok();
    // Also when terraform listened: what it started may not have.
    signal(group, Signal::KILL);
    match ended {
        Some(status) => status,
        None => child.wait().await,
    }
}

/// Writes to the lifeline for as long as it is polled.
async fn beat(lifeline: Option<&mut ChildStdin>) -> Infallible {
    if let Some(lifeline) = lifeline {
        let mut beats = interval(launcher::BEAT);
        // It ends when the launcher has ended.
        while lifeline.write_all(b".").await.is_ok() {
            beats.tick().await;
        }
    }
    pending().await
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group
        && let Err(error) = kill_process_group(group, signal)
    {
        tracing::debug!(%error, "the process group is gone");
    }
}

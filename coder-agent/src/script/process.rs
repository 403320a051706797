//! Runs a process with its output piped, up to a time, with everything it started.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::platform::process::{Group, Signal, lead_group};
use crate::protocol::UNKNOWN_EXIT_CODE;
use crate::ssh::command::spawn;

/// How long a process may take to end when it is asked to.
pub(super) const TERMINATE_GRACE: Duration = Duration::from_secs(5);

/// How long output may stay open after the process has ended.
const PIPE_GRACE: Duration = Duration::from_secs(10);

/// Output is read in pieces of at most this size, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, with its exit code; [`UNKNOWN_EXIT_CODE`] for one ended by a signal.
    Exited(i32),
    /// By itself with exit code 0, but something it started still holds its output.
    PipesLeftOpen,
    /// It was killed because its time was up.
    TimedOut,
    /// It was killed because `cancel` asked for it.
    Cancelled,
}

/// A process in a group of its own, with its output being taken.
pub(crate) struct Running {
    child: Child,
    group: Group,
    pumps: JoinSet<()>,
}

impl Running {
    /// Starts `command` and gives its output to the two functions.
    pub(crate) fn spawn(
        mut command: Command,
        stdout: impl FnMut(&[u8]) + Send + 'static,
        stderr: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        lead_group(&mut command);
        let mut child = spawn(&mut command)?;
        let mut pumps = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            pumps.spawn(pump(pipe, stdout));
        }
        if let Some(pipe) = child.stderr.take() {
            pumps.spawn(pump(pipe, stderr));
        }
        let group = Group::of(&child);
        Ok(Self {
            child,
            group,
            pumps,
        })
    }

    /// The process, until it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end, and kills the group when `limit` is over or `cancel` asks for it.
    ///
    /// What the process leaves behind with its output open is given [`PIPE_GRACE`] and then left
    /// alone; its output is still taken until `cancel`, so that it is not stopped by a full pipe.
    pub(crate) async fn wait(
        mut self,
        limit: Option<Duration>,
        cancel: &CancellationToken,
    ) -> io::Result<Ended> {
        let status = tokio::select! {
            status = self.child.wait() => Ok(status?),
            () = expired(limit) => Err(Ended::TimedOut),
            () = cancel.cancelled() => Err(Ended::Cancelled),
        };
        let ended = match status {
            Ok(status) => Ended::Exited(exit_code(status)),
            Err(ended) => {
                end(&self.group, &mut self.child).await?;
                ended
            }
        };
        let mut pumps = self.pumps;
        let drained = tokio::select! {
            drained = timeout(PIPE_GRACE, drain(&mut pumps)) => drained.is_ok(),
            () = cancel.cancelled() => true,
        };
        if !drained {
            let cancel = cancel.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = drain(&mut pumps) => {}
                    () = cancel.cancelled() => {}
                }
            });
        }
        Ok(match ended {
            Ended::Exited(0) if !drained => Ended::PipesLeftOpen,
            ended => ended,
        })
    }
}

/// Asks a group to end, and makes it end after a while.
async fn end(group: &Group, child: &mut Child) -> io::Result<()> {
    group.signal(Signal::TERM);
    let asked = timeout(TERMINATE_GRACE, child.wait()).await;
    // Also those that outlived the process itself.
    group.signal(Signal::KILL);
    if asked.is_err() {
        child.wait().await?;
    }
    Ok(())
}

async fn expired(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}

async fn drain(pumps: &mut JoinSet<()>) {
    while pumps.join_next().await.is_some() {}
}

async fn pump(mut pipe: impl AsyncRead + Unpin, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; READ_BYTES];
    // An error ends the output like its end does.
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        take(buffer.get(..length).unwrap_or_default());
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(UNKNOWN_EXIT_CODE)
}

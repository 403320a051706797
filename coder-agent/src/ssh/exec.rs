use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::command::{named, spawn};
use super::exit::Exit;
use super::limits::PIPE_BYTES;
use super::output::{Gone, Output, Stream};
use super::process::{Group, Process, wait};
use super::registry::{Control, ServedChannel};
use super::session;
use crate::platform::process::{lead_group, widen};

/// Runs a command with three pipes.
///
/// As with OpenSSH, the channel stays open until the last process has closed its output, and the
/// command goes on when the client leaves; it notices by its pipes.
pub(super) async fn run(mut command: Command, channel: ServedChannel, closing: &CancellationToken) {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    lead_group(&mut command);
    let ServedChannel {
        input,
        mut control,
        output,
        closed,
        registration,
        left: _,
    } = channel;
    let mut child = match spawn(&mut command) {
        Ok(child) => child,
        Err(error) => {
            let error = named(command.as_std().get_program(), &error);
            tokio::select! {
                () = session::fail(&output, &error) => {}
                () = closed.cancelled() => {}
            }
            return;
        }
    };
    drop(command);
    widen(child.stdin.as_ref(), PIPE_BYTES);
    widen(child.stdout.as_ref(), PIPE_BYTES);
    let stdin = child.stdin.take();
    let mut process = Process::new(child);
    let (child, group) = process.parts();

    let feed = async {
        if let Some(stdin) = stdin {
            input.copy_into(stdin).await;
        }
    };
    let obey = async {
        while let Some(message) = control.recv().await {
            match message {
                Control::Signal(signal) => group.signal(signal),
                Control::Resize(_) => {}
            }
        }
    };
    let ended = tokio::select! {
        ended = finish(child, group, &output) => ended.is_ok(),
        () = never(feed, obey) => false,
        () = closed.cancelled() => false,
    };
    drop(registration);
    if !ended {
        output.abandon().await;
        process.outlive_session(closing).await;
    }
}

/// Does both things and never returns.
pub(super) async fn never(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::join!(one, other);
    std::future::pending().await
}

async fn finish(child: &mut Child, group: &Group, output: &Output) -> Result<(), Gone> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let copy = async {
        let stdout = async {
            match stdout {
                Some(stdout) => output.copy_from(Stream::Stdout, stdout).await,
                None => Ok(()),
            }
        };
        let stderr = async {
            match stderr {
                Some(stderr) => output.copy_from(Stream::Stderr, stderr).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(stdout, stderr)
    };
    let (copied, status) = tokio::join!(copy, wait(child, group));
    copied?;
    output.exit(exit_of(status)).await
}

pub(super) fn exit_of(status: io::Result<ExitStatus>) -> Exit {
    status.map_or(Exit::UNKNOWN, Exit::from)
}

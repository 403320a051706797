use std::ffi::OsString;

use bytes::Bytes;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::exec::{exit_of, never};
use super::output::{Gone, Output, Stream};
use super::process::{Group, Process, wait};
use super::registry::{Control, ServedChannel};
use super::session;
use super::setup::TerminalRequest;
use crate::platform::terminal::{Terminal, TerminalChild, TerminalReader, open};

/// Runs a program in a terminal of its own.
///
/// The terminal is closed when the client leaves, which the system tells the program by SIGHUP.
/// `build` makes the command from the variables that tell of the terminal.
pub(super) async fn run(
    request: &TerminalRequest,
    build: impl FnOnce(Vec<(&str, OsString)>) -> Command,
    greeting: Bytes,
    channel: ServedChannel,
    closing: &CancellationToken,
) {
    let ServedChannel {
        input,
        mut control,
        output,
        closed,
        registration,
        left: _,
    } = channel;
    let Terminal {
        child,
        reader,
        writer,
        control: terminal,
    } = match open(request, build) {
        Ok(terminal) => terminal,
        Err(error) => {
            tokio::select! {
                () = session::fail(&output, &error) => {}
                () = closed.cancelled() => {}
            }
            return;
        }
    };
    let mut process = Process::new(child);
    let (child, group) = process.parts();

    // The end of the client's input is no key that was pressed: the terminal stays open.
    let feed = input.copy_into(writer);
    let obey = async {
        while let Some(message) = control.recv().await {
            match message {
                Control::Signal(signal) => group.signal(signal),
                Control::Resize(size) => terminal.resize(size),
            }
        }
    };
    let ended = tokio::select! {
        ended = finish(child, group, reader, greeting, &output) => ended.is_ok(),
        () = never(feed, obey) => false,
        () = closed.cancelled() => false,
    };
    drop((registration, terminal));
    if !ended {
        output.abandon().await;
        process.outlive_session(closing).await;
    }
}

async fn finish(
    child: &mut TerminalChild,
    group: &Group,
    reader: TerminalReader,
    greeting: Bytes,
    output: &Output,
) -> Result<(), Gone> {
    let copy = async {
        if !greeting.is_empty() {
            output.send(Stream::Stdout, greeting).await?;
        }
        output.copy_from(Stream::Stdout, reader).await
    };
    let (copied, status) = tokio::join!(copy, wait(child, group));
    copied?;
    output.exit(exit_of(status)).await
}

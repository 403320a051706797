use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use bytes::Bytes;
use pty_process::{OwnedReadPty, OwnedWritePty, Pty};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::command::{named, spawn_lock};
use super::exec::{exit_of, never};
use super::output::{Gone, Output, Stream};
use super::process::{Group, Process, wait};
use super::registry::{Control, ServedChannel};
use super::setup::{TerminalRequest, TerminalSize};
use super::{session, terminal_modes};

/// A program and the controlling side of its terminal.
pub(crate) struct Terminal {
    pub(crate) child: Child,
    pub(crate) reader: OwnedReadPty,
    pub(crate) writer: OwnedWritePty,
    /// The same terminal again, for resizing it while something is being written.
    pub(crate) control: OwnedFd,
}

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
                // A terminal that cannot be resized has been closed by its program.
                Control::Resize(size) => drop(tcsetwinsize(&terminal, size.into())),
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

/// Opens a terminal and starts a program in it; see [`run`] for `build`.
pub(crate) fn open(
    request: &TerminalRequest,
    build: impl FnOnce(Vec<(&str, OsString)>) -> Command,
) -> io::Result<Terminal> {
    let _guard = spawn_lock();
    let (pty, pts) = pty_process::open()
        .map_err(|error| io::Error::other(format!("no terminal can be opened: {error}")))?;
    terminal_modes::apply(&pts, &request.modes)?;
    tcsetwinsize(&pty, request.size.into())?;
    let mut variables = vec![("SSH_TTY", name(&pty)?)];
    if !request.term.is_empty() {
        variables.push(("TERM", OsString::from(&request.term)));
    }
    let command = build(variables);
    let program = command.as_std().get_program().to_owned();
    let child = pty_process::Command::from(command)
        .spawn(pts)
        .map_err(|error| match error {
            pty_process::Error::Io(error) => named(&program, &error),
            error => io::Error::other(error),
        })?;
    let control = pty.as_fd().try_clone_to_owned()?;
    let (reader, writer) = pty.into_split();
    Ok(Terminal {
        child,
        reader,
        writer,
        control,
    })
}

fn name(pty: &Pty) -> io::Result<OsString> {
    Ok(OsString::from_vec(
        rustix::pty::ptsname(pty, Vec::new())?.into_bytes(),
    ))
}

async fn finish(
    child: &mut Child,
    group: &Group,
    reader: OwnedReadPty,
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

impl From<TerminalSize> for Winsize {
    fn from(size: TerminalSize) -> Self {
        Self {
            ws_row: size.rows,
            ws_col: size.columns,
            ws_xpixel: size.pixel_width,
            ws_ypixel: size.pixel_height,
        }
    }
}

//! Programs in terminals.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;

use pty_process::Pty;
use rustix::process::{Signal, kill_process_group};
use rustix::termios::{Winsize, tcgetpgrp, tcsetwinsize};
use tokio::process::Command;

use super::terminal_modes;
use crate::ssh::command::{named, spawn_lock};
use crate::ssh::{TerminalRequest, TerminalSize};

/// The program in a terminal.
pub(crate) type TerminalChild = tokio::process::Child;
/// What it says. Ends with a failure when the program has gone.
pub(crate) type TerminalReader = pty_process::OwnedReadPty;
/// What it is told.
pub(crate) type TerminalWriter = pty_process::OwnedWritePty;

/// A program and the controlling side of its terminal.
pub(crate) struct Terminal {
    pub(crate) child: TerminalChild,
    pub(crate) reader: TerminalReader,
    pub(crate) writer: TerminalWriter,
    pub(crate) control: TerminalControl,
}

/// The same terminal again, for what can be done while something is being written.
#[derive(Debug)]
pub(crate) struct TerminalControl(OwnedFd);

/// Opens a terminal and starts a program in it, which leads its group. `build` makes the command from the variables
/// that tell of the terminal.
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
    let control = TerminalControl(pty.as_fd().try_clone_to_owned()?);
    let (reader, writer) = pty.into_split();
    Ok(Terminal {
        child,
        reader,
        writer,
        control,
    })
}

impl TerminalControl {
    /// Tells the program how large the terminal is now.
    pub(crate) fn resize(&self, size: TerminalSize) {
        // A terminal that cannot be resized has been closed by its program.
        let _ = tcsetwinsize(&self.0, size.into());
    }

    /// Asks the program in front to draw everything anew.
    pub(crate) fn ask_to_redraw(&self) {
        if let Ok(foreground) = tcgetpgrp(&self.0) {
            // It may just have ended.
            let _ = kill_process_group(foreground, Signal::WINCH);
        }
    }
}

fn name(pty: &Pty) -> io::Result<OsString> {
    Ok(OsString::from_vec(
        rustix::pty::ptsname(pty, Vec::new())?.into_bytes(),
    ))
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

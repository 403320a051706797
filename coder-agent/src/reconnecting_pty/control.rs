use std::os::fd::OwnedFd;

use rustix::process::{Signal, kill_process_group};
use rustix::termios::{tcgetpgrp, tcsetwinsize};

use crate::ssh::TerminalSize;

/// What can be done to a terminal beside reading and writing.
#[derive(Debug)]
pub(super) struct Control(OwnedFd);

impl Control {
    pub(super) const fn new(terminal: OwnedFd) -> Self {
        Self(terminal)
    }

    /// Tells the program how large the terminal is now.
    pub(super) fn resize(&self, size: TerminalSize) {
        // A terminal that cannot be resized has been closed by its program.
        let _ = tcsetwinsize(&self.0, size.into());
    }

    /// Asks the program in front to draw everything anew.
    pub(super) fn ask_to_redraw(&self) {
        if let Ok(foreground) = tcgetpgrp(&self.0) {
            // It may just have ended.
            let _ = kill_process_group(foreground, Signal::WINCH);
        }
    }
}

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{SessionRequest, SshClient, Streams, TerminalRequest, TerminalSize};
use crate::{Error, ErrorKind, Result};

/// Used where `TERM` is not set.
const DEFAULT_TERM: &str = "xterm-256color";

/// Whether this process reads from a terminal, so that an interactive session makes sense.
#[must_use]
pub fn has_terminal() -> bool {
    io::stdin().is_terminal()
}

impl SshClient {
    /// Runs a program with this process's standard streams.
    ///
    /// With a terminal in the request, which is then taken from the local one, keys go to the
    /// other end as they are typed and the remote terminal follows the size of the local one. The
    /// local terminal is put back as it was, whatever happens.
    ///
    /// Reading from standard input cannot be called off: the caller should end the process
    /// afterwards instead of waiting for the runtime.
    ///
    /// # Errors
    /// As [`run`](Self::run), and `Internal` when the local terminal cannot be set.
    pub async fn run_with_terminal(&self, request: SessionRequest) -> Result<i32> {
        let streams = Streams {
            stdin: file(io::stdin())?,
            stdout: file(io::stdout())?,
            stderr: file(io::stderr())?,
        };
        let (sizes, size) = watch::channel(local_size());
        if request.terminal.is_none() || !has_terminal() {
            return self.run(request, streams, size).await;
        }
        let term = std::env::var("TERM").ok().filter(|term| !term.is_empty());
        let request = SessionRequest {
            terminal: Some(TerminalRequest {
                term: term.unwrap_or_else(|| DEFAULT_TERM.to_owned()),
                size: local_size(),
            }),
            ..request
        };
        let mut resized = signal(SignalKind::window_change()).map_err(internal)?;
        let raw = RawMode::enter(io::stdin()).map_err(internal)?;
        let watch = async {
            while resized.recv().await.is_some() {
                sizes.send_replace(local_size());
            }
        };
        let status = tokio::select! {
            status = self.run(request, streams, size) => status,
            () = watch => Err(Error::new(ErrorKind::Internal, "signals are not delivered any more")),
        };
        drop(raw);
        status
    }
}

/// The standard stream without a buffer of its own.
fn file(stream: impl AsFd) -> Result<tokio::fs::File> {
    let descriptor = stream.as_fd().try_clone_to_owned().map_err(internal)?;
    Ok(tokio::fs::File::from_std(std::fs::File::from(descriptor)))
}

fn local_size() -> TerminalSize {
    match tcgetwinsize(io::stdin()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => TerminalSize {
            columns: size.ws_col,
            rows: size.ws_row,
        },
        _ => TerminalSize::default(),
    }
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "the local terminal cannot be used").with_source(error)
}

/// A terminal that passes every key on, until this is dropped.
struct RawMode {
    terminal: OwnedFd,
    before: Termios,
}

impl RawMode {
    fn enter(terminal: impl AsFd) -> io::Result<Self> {
        let terminal = terminal.as_fd().try_clone_to_owned()?;
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that has gone needs no setting.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use rustix::termios::LocalModes;

    use super::*;

    #[test]
    fn raw_mode_is_undone() {
        let flags = rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY;
        let terminal = rustix::pty::openpt(flags).unwrap();
        let echoes = || {
            tcgetattr(&terminal)
                .unwrap()
                .local_modes
                .contains(LocalModes::ECHO)
        };
        assert!(echoes());
        let raw = RawMode::enter(&terminal).unwrap();
        assert!(!echoes());
        drop(raw);
        assert!(echoes());
    }
}

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use std::{future::Future, io};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// What a shell answers when a program is missing, and what it adds to the number of a signal.
const NOT_FOUND: u8 = 127;
const SIGNALLED: i32 = 128;

/// Runs `work` on a small runtime.
pub(super) fn block_on<F: Future>(work: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

/// Runs a program to its end with our input and output, passing signals on: whoever made a file for it
/// lives long enough to remove it.
pub(super) async fn run(mut command: Command) -> ExitCode {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let child = signals().and_then(|signals| Ok((signals, command.spawn()?)));
    let (mut signals, mut child) = match child {
        Ok(started) => started,
        Err(error) => {
            say(&format!("{name} cannot be started: {error}"));
            return ExitCode::from(NOT_FOUND);
        }
    };
    let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    loop {
        let [hang_up, interrupt, terminate] = &mut signals;
        let received = tokio::select! {
            status = child.wait() => return status.map_or(ExitCode::FAILURE, exit_code),
            _ = hang_up.recv() => Signal::HUP,
            _ = interrupt.recv() => Signal::INT,
            _ = terminate.recv() => Signal::TERM,
        };
        if let Some(pid) = pid {
            // It may have ended just now.
            let _ = kill_process(pid, received);
        }
    }
}

/// A line for the person in front of Git.
pub(super) fn say(text: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "coder: {text}");
}

fn signals() -> io::Result<[Signals; 3]> {
    Ok([
        signal(SignalKind::hangup())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    ])
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

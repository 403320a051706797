//! Processes, and everything they have started.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use rustix::process::{Pid, kill_process, kill_process_group, test_kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};

pub(crate) use rustix::process::Signal;

use crate::ssh::Environment;

/// What login shells are told, and what comes before a command.
pub(crate) const LOGIN_ARGUMENTS: &[&str] = &["-l"];
pub(crate) const COMMAND_ARGUMENT: &str = "-c";

/// What a shell adds to the number of the signal that ended a program.
const SIGNALLED: i32 = 128;

/// The processes of a group, for sending them signals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// That of a process which leads its group, see [`lead_group`].
    pub(crate) fn of(child: &Child) -> Self {
        Self(pid(child))
    }

    /// That of a process which may be somebody else's child.
    pub(crate) fn with_id(id: i32) -> Self {
        Self(Pid::from_raw(id))
    }

    /// Sends a signal to all of them.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(id) = self.0 {
            // A group that has ended is not an error.
            let _ = kill_process_group(id, signal);
        }
    }
}

/// Makes a process, when it is started, lead a group of its own.
pub(crate) fn lead_group(command: &mut Command) {
    command.process_group(0);
}

/// What the process is told to be called.
pub(crate) fn set_name(command: &mut Command, name: &std::ffi::OsStr) {
    command.arg0(name);
}

/// Gives a pipe more room; with less it works as well.
#[cfg(target_os = "linux")]
pub(crate) fn widen(pipe: Option<&impl std::os::fd::AsFd>, bytes: usize) {
    if let Some(pipe) = pipe {
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, bytes);
    }
}

/// Only Linux lets us.
#[cfg(not(target_os = "linux"))]
pub(crate) fn widen(_pipe: Option<&impl std::os::fd::AsFd>, _bytes: usize) {}

/// Whether there is a process with this number.
pub(crate) fn exists(id: i32) -> bool {
    Pid::from_raw(id).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// The signal that ended a process, and whether it left a core.
pub(crate) fn ended_by(status: ExitStatus) -> Option<(i32, bool)> {
    Some((status.signal()?, status.core_dumped()))
}

/// How a shell tells how a program ended.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let signal = status.signal().map(|signal| SIGNALLED + signal);
    let code = status.code().or(signal);
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Runs a program to its end, passing signals on: whoever made a file for it lives long enough to remove it.
pub(crate) async fn run_to_end(mut command: Command) -> io::Result<ExitStatus> {
    let mut signals = [
        signal(SignalKind::hangup())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    ];
    let mut child = command.spawn()?;
    let id = pid(&child);
    loop {
        let [hang_up, interrupt, terminate]: &mut [Heard; 3] = &mut signals;
        let received = tokio::select! {
            status = child.wait() => return status,
            _ = hang_up.recv() => Signal::HUP,
            _ = interrupt.recv() => Signal::INT,
            _ = terminate.recv() => Signal::TERM,
        };
        if let Some(id) = id {
            // It may have ended just now.
            let _ = kill_process(id, received);
        }
    }
}

/// What this machine is called.
pub(crate) fn host_name() -> Vec<u8> {
    rustix::system::uname().nodename().to_bytes().to_vec()
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

/// The environment of this process.
pub(crate) fn environment() -> Environment {
    std::env::vars_os().collect()
}

//! Processes, and everything they have started, which a job keeps together here.

use std::ffi::OsStr;
use std::io;
use std::os::windows::io::RawHandle;
use std::process::{ExitCode, ExitStatus};
use std::sync::{Mutex, PoisonError};

use tokio::process::{Child, Command};
use win32job::Job;

use crate::ssh::Environment;

/// What login shells are told, and what comes before a command: both PowerShell and `cmd` understand it.
pub(crate) const LOGIN_ARGUMENTS: &[&str] = &[];
pub(crate) const COMMAND_ARGUMENT: &str = "/c";

/// What SSH and the agent call signals. Those that end a program do that here too, the others do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal(i32);

impl Signal {
    pub(crate) const HUP: Self = Self(1);
    pub(crate) const INT: Self = Self(2);
    pub(crate) const QUIT: Self = Self(3);
    pub(crate) const ILL: Self = Self(4);
    pub(crate) const TRAP: Self = Self(5);
    pub(crate) const ABORT: Self = Self(6);
    pub(crate) const BUS: Self = Self(7);
    pub(crate) const FPE: Self = Self(8);
    pub(crate) const KILL: Self = Self(9);
    pub(crate) const USR1: Self = Self(10);
    pub(crate) const SEGV: Self = Self(11);
    pub(crate) const USR2: Self = Self(12);
    pub(crate) const PIPE: Self = Self(13);
    pub(crate) const ALARM: Self = Self(14);
    pub(crate) const TERM: Self = Self(15);
    pub(crate) const CONT: Self = Self(18);
    pub(crate) const STOP: Self = Self(19);
    pub(crate) const TSTP: Self = Self(20);
    pub(crate) const TTIN: Self = Self(21);
    pub(crate) const TTOU: Self = Self(22);
    pub(crate) const XCPU: Self = Self(24);
    pub(crate) const XFSZ: Self = Self(25);
    pub(crate) const WINCH: Self = Self(28);
    pub(crate) const SYS: Self = Self(31);

    pub(crate) const fn as_raw(self) -> i32 {
        self.0
    }

    fn ends(self) -> bool {
        matches!(
            self,
            Self::HUP | Self::INT | Self::QUIT | Self::ABORT | Self::KILL | Self::TERM
        )
    }
}

/// A process and what it has started, for ending them all. What is still there when this is dropped goes on.
#[derive(Debug)]
pub(crate) struct Group(Mutex<Option<Job>>);

impl Group {
    /// That of a child which has just been started.
    pub(crate) fn of(child: &Child) -> Self {
        Self::of_handle(child.raw_handle())
    }

    pub(super) fn of_handle(handle: Option<RawHandle>) -> Self {
        let job = handle.and_then(|handle| {
            let job = Job::create().and_then(|job| {
                job.assign_process(handle as isize)?;
                Ok(job)
            });
            // It may have ended already.
            job.inspect_err(|error| tracing::debug!(%error, "a process has no job"))
                .ok()
        });
        Self(Mutex::new(job))
    }

    /// Somebody else's processes are not ours to end.
    pub(crate) const fn with_id(_id: i32) -> Self {
        Self(Mutex::new(None))
    }

    /// Ends all of them, if that is what the signal does.
    pub(crate) fn signal(&self, signal: Signal) {
        if !signal.ends() {
            return;
        }
        let job = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(job) = job else { return };
        let ended = job.query_extended_limit_info().and_then(|mut limits| {
            limits.limit_kill_on_job_close();
            job.set_extended_limit_info(&limits)
        });
        if let Err(error) = ended {
            tracing::warn!(%error, "processes cannot be ended");
        }
    }
}

/// The job that is made when a process has started does that here.
pub(crate) const fn lead_group(_command: &mut Command) {}

/// Programs are called what their files are.
pub(crate) const fn set_name(_command: &mut Command, _name: &OsStr) {}

/// Pipes grow by themselves.
pub(crate) const fn widen<T>(_pipe: Option<&T>, _bytes: usize) {}

/// Nobody's processes are looked for; see [`Group::with_id`].
pub(crate) const fn exists(_id: i32) -> bool {
    false
}

/// No signal ends processes here.
pub(crate) const fn ended_by(_status: ExitStatus) -> Option<(i32, bool)> {
    None
}

/// The lowest byte of what the program said, like in a shell elsewhere, but never 0 for a failure.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Runs a program to its end. It hears of Ctrl-C by itself, since it has the same console; we wait for it.
pub(crate) async fn run_to_end(mut command: Command) -> io::Result<ExitStatus> {
    let _heard = tokio::signal::windows::ctrl_c()?;
    command.spawn()?.wait().await
}

/// What this machine is called.
pub(crate) fn host_name() -> Vec<u8> {
    let name = std::env::var_os("COMPUTERNAME").unwrap_or_default();
    name.to_string_lossy().into_owned().into_bytes()
}

/// The environment of this process. Names are the same in small and large letters here, so they get large ones.
pub(crate) fn environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (name.to_ascii_uppercase(), value))
        .collect()
}

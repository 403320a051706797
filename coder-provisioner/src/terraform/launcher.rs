//! A small program in front of Terraform that ends it when nobody waits for it any more.
//!
//! A daemon may be killed at any instant. Terraform would go on then, and so would what it started: commands of
//! the template, providers. The kernel can end a child with its parent, but neither the children's children nor
//! gently. So the binary that embeds the provisioner offers a hidden subcommand:
//!
//! ```text
//! coder __supervise <lock file> -- terraform apply …
//! ```
//!
//! and calls [`main`] for it, before it does anything else. It runs Terraform as its child, in a process group that
//! it leads, and holds a shared lock on the session's lock file, so that nobody takes the session for abandoned
//! while anything of it runs. Its standard input is the lifeline: the daemon writes a byte every `BEAT`. When that
//! ends, or nothing comes for twice `SILENCE` because the daemon is stopped, the group is interrupted: Terraform
//! finishes what it is making, begins nothing new, and writes its state. Its output is read to the end meanwhile: a
//! write that nobody reads would end it on the spot. After `ORPHAN_GRACE` the group is killed. All that is over before
//! the lease of the job is.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// Name of the subcommand.
pub const SUBCOMMAND: &str = "__supervise";

/// How often the daemon gives a sign of life.
pub(super) const BEAT: Duration = Duration::from_secs(2);
/// How long nothing may come. It has to happen twice in a row: when the whole machine was paused, the daemon gets
/// time to speak first.
const SILENCE: Duration = Duration::from_secs(5);
/// How long an interrupted Terraform may take when its daemon is gone. With [`SILENCE`] and the 5 s between two
/// updates of a job this stays below the 30 s of a lease.
const ORPHAN_GRACE: Duration = Duration::from_secs(10);

/// Exit code when the program cannot be started, as in a shell.
const CANNOT_EXECUTE: u8 = 127;

/// Runs the program named by `args`, the words after [`SUBCOMMAND`], and answers with its exit code.
///
/// The process must lead its process group, which dies with the program's daemon and when the program is killed.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(args.into_iter()).unwrap_or_else(|reason| {
        complain(&reason);
        ExitCode::from(CANNOT_EXECUTE)
    })
}

fn run(mut args: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let lock = args.next().ok_or("the first argument is the lock file")?;
    if args.next().as_deref() != Some("--".as_ref()) {
        return Err("the second argument is --".to_owned());
    }
    let program = args.next().ok_or("there is no program to run")?;
    if getpgrp() != getpid() {
        return Err("this process does not lead its process group".to_owned());
    }
    let failed = |what: &str, error: std::io::Error| format!("{what}: {error}");
    let lock = File::open(lock).map_err(|error| failed("the lock file", error))?;
    // Somebody else has it when the session was found abandoned: then nothing may begin.
    lock.try_lock_shared()
        .map_err(|error| failed("the lock file", error.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed("the runtime", error))?;
    let mut command = Command::new(&program);
    command.args(args).stdin(Stdio::null());
    let code = runtime.block_on(supervise(command));
    // The standard input is read on a thread that nothing can interrupt.
    runtime.shutdown_background();
    drop(lock);
    code.map_err(|error| failed(&program.to_string_lossy(), error))
}

async fn supervise(mut command: Command) -> std::io::Result<ExitCode> {
    // Caught and ignored: what is meant for the group is Terraform's to answer.
    let _caught = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    );
    let lifeline = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let outputs = outputs();
    let mut child = command.spawn()?;
    let status = tokio::select! {
        status = child.wait() => status?,
        () = abandoned(lifeline.into()) => {
            outputs.into_iter().for_each(discard);
            let _ = kill_current_process_group(Signal::INT);
            let ended = timeout(ORPHAN_GRACE, child.wait()).await;
            // Also when Terraform listened: what it started may not have. This process is one of the group.
            kill_current_process_group(Signal::KILL)?;
            ended??
        }
    };
    if let Some(code) = status.code() {
        return Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)));
    }
    // Killed from outside: what it was running has lost its parent.
    complain(&status.to_string());
    kill_current_process_group(Signal::KILL)?;
    Ok(ExitCode::FAILURE)
}

/// The other ends of the pipes that the child writes to. While they are open it does not die of SIGPIPE when the daemon
/// does. Where there is no `/proc`, there are none.
fn outputs() -> Vec<File> {
    let pipe = |path| {
        let is_pipe = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
        is_pipe.then(|| File::open(path).ok()).flatten()
    };
    let paths = ["/proc/self/fd/1", "/proc/self/fd/2"];
    paths.into_iter().filter_map(pipe).collect()
}

/// Reads what nobody else does any more, so that the writer need not wait.
fn discard(mut output: File) {
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
}

/// Waits until the lifeline ends or falls silent.
async fn abandoned(mut lifeline: tokio::fs::File) {
    let mut bytes = [0; 64];
    let mut silent = 0;
    while silent < 2 {
        match timeout(SILENCE, lifeline.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => silent = 0,
            Err(_) => silent += 1,
        }
    }
}

fn complain(reason: &str) {
    // Nothing can be done when the standard error is gone too.
    let _ = writeln!(std::io::stderr(), "{SUBCOMMAND}: {reason}");
}

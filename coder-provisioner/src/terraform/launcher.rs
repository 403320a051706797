//! A small program in front of Terraform that ties its life to ours.
//!
//! The kernel can kill a process when its parent ends, but only the process itself can ask for
//! that, between being started and becoming Terraform. So the binary that embeds the provisioner
//! offers a hidden subcommand:
//!
//! ```text
//! coder __exec-with-parent <pid of the parent> -- terraform apply …
//! ```
//!
//! and calls [`main`] for it, before it does anything else.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Name of the subcommand.
pub const SUBCOMMAND: &str = "__exec-with-parent";

/// Exit code when the program cannot be started, as in a shell.
const CANNOT_EXECUTE: u8 = 127;

/// Becomes the program named by `args`, the words after [`SUBCOMMAND`], set to be killed when the
/// calling process ends. Returns only when that fails.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let reason = match become_program(args.into_iter()) {
        Ok(never) => match never {},
        Err(reason) => reason,
    };
    // Nothing can be done when the standard error is gone too.
    let _ = writeln!(std::io::stderr(), "{SUBCOMMAND}: {reason}");
    ExitCode::from(CANNOT_EXECUTE)
}

enum Never {}

fn become_program(mut args: impl Iterator<Item = OsString>) -> Result<Never, String> {
    let parent = args
        .next()
        .and_then(|text| text.to_str()?.parse::<i32>().ok());
    let parent = parent.filter(|pid| *pid > 0).and_then(Pid::from_raw);
    let parent = parent.ok_or("the first argument is the parent's process id")?;
    if args.next().as_deref() != Some("--".as_ref()) {
        return Err("the second argument is --".to_owned());
    }
    let program = args.next().ok_or("there is no program to run")?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("prctl: {error}"))?;
    // The parent may have ended before the request: then nobody would kill us.
    if getppid() != Some(parent) {
        return Err("the parent has ended".to_owned());
    }
    let error = Command::new(&program).args(args).exec();
    Err(format!("{}: {error}", program.display()))
}

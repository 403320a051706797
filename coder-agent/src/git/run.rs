use std::process::ExitCode;
use std::{future::Future, io};

use tokio::process::Command;

use crate::platform::process::{exit_code, run_to_end};

/// What a shell answers when a program is missing.
const NOT_FOUND: u8 = 127;

/// Runs `work` on a small runtime.
pub(super) fn block_on<F: Future>(work: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

/// Runs a program to its end with our input and output.
pub(super) async fn run(command: Command) -> ExitCode {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    match run_to_end(command).await {
        Ok(status) => exit_code(status),
        Err(error) => {
            say(&format!("{name} cannot be started: {error}"));
            ExitCode::from(NOT_FOUND)
        }
    }
}

/// A line for the person in front of Git.
pub(super) fn say(text: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "coder: {text}");
}

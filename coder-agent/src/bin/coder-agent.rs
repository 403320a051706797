//! The slim binary that workspaces download.

use std::process::ExitCode;

fn main() -> ExitCode {
    coder_agent::cli::main(std::env::args_os().skip(1))
}

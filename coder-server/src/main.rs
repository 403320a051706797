//! The `coder` command: server, command line, agent and Terraform provider in one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    coder_server::cli::entry(std::env::args_os().collect())
}

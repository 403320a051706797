//! The `coder` command: server, command line, agent and Terraform provider in one binary.

use std::process::ExitCode;

/// The system's allocator keeps what a password hash or a plan needed once; this one gives it back, which
/// halves the memory of an idle server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    coder_server::cli::entry(std::env::args_os().collect())
}

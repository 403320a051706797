//! The coder binary.

fn main() -> std::process::ExitCode {
    coder_server::cli::entry(std::env::args_os().collect())
}

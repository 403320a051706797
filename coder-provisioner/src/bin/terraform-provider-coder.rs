//! The `coder/coder` Terraform provider as a program of its own, for images and machines that have
//! no use for the rest.

use std::error::Error as _;
use std::io::Write as _;
use std::process::ExitCode;

use coder_provisioner::tfprovider::{BINARY_NAME, serve};

fn main() -> ExitCode {
    let Err(error) = serve() else {
        return ExitCode::SUCCESS;
    };
    let mut text = format!("{BINARY_NAME}: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}

//! `coder version`.

use super::{
    error::CliResult,
    output::{Format, OutputArgs, json, line},
};

/// The text of `--version`; scripts that download the binary look for the name in its first line.
pub(crate) const LONG: &str = concat!("Coder v", env!("CARGO_PKG_VERSION"));

/// Prints the version.
pub(crate) fn run(args: &OutputArgs) -> CliResult {
    match args.output {
        Format::Json => json(&serde_json::json!({
            "version": concat!("v", env!("CARGO_PKG_VERSION")),
            "agpl": false,
            "slim": false,
        })),
        Format::Table => line(LONG),
    }
}

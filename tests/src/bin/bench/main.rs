//! The part of `make bench` that needs more than a shell: builds in numbers and the provider's process. Prints the rows
//! of a table: what, measured, limit, ratio.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark stops at what it did not expect, and prints"
)]

mod agents;
mod figures;
mod load;
mod provider;
mod queue;
mod share;
mod ssh;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let Some(coder) = env::args().nth(1) else {
        println!("usage: bench <coder binary> [share|queue|load|provider|ssh|agents]");
        return ExitCode::FAILURE;
    };
    // All, or only the one that is named.
    let only = env::args().nth(2);
    let all = [
        ("share", share::measure as fn(&str)),
        ("queue", queue::measure),
        ("load", load::measure),
        ("provider", provider::measure),
        ("ssh", ssh::measure),
        ("agents", agents::measure),
    ];
    for (name, measure) in all {
        if only.as_deref().is_none_or(|only| only == name) {
            measure(&coder);
        }
    }
    ExitCode::SUCCESS
}

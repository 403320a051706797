//! `coder provisioner jobs`.

mod cancel;
mod list;

use crate::cli::{error::CliResult, global::GlobalArgs};

/// The verbs of `coder provisioner jobs`.
#[derive(clap::Subcommand)]
pub(crate) enum JobsCommand {
    /// Show jobs, newest first.
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Cancel a job.
    Cancel(cancel::CancelArgs),
}

/// Runs a verb.
pub(crate) async fn run(global: &GlobalArgs, command: JobsCommand) -> CliResult {
    match command {
        JobsCommand::List(args) => list::run(global, args).await,
        JobsCommand::Cancel(args) => cancel::run(global, args).await,
    }
}

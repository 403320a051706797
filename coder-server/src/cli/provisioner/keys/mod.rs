//! `coder provisioner keys`.

mod create;
mod delete;
mod list;

use crate::cli::{error::CliResult, global::GlobalArgs};

/// The verbs of `coder provisioner keys`.
#[derive(clap::Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and print its secret.
    Create(create::CreateArgs),
    /// Show keys.
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Remove a key; its daemons finish what they run and go.
    #[command(alias = "rm")]
    Delete(delete::DeleteArgs),
}

/// Runs a verb.
pub(crate) async fn run(global: &GlobalArgs, command: KeysCommand) -> CliResult {
    match command {
        KeysCommand::Create(args) => create::run(global, args).await,
        KeysCommand::List(args) => list::run(global, args).await,
        KeysCommand::Delete(args) => delete::run(global, args).await,
    }
}

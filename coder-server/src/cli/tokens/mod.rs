//! `coder tokens`: keys for scripts.

mod create;
mod list;
mod remove;

use super::{error::CliResult, global::GlobalArgs};
use clap::Subcommand;

/// What to do with tokens.
#[derive(Subcommand)]
pub(crate) enum TokensCommand {
    /// Create a token, whose text is shown once.
    Create(create::CreateArgs),
    /// Show tokens.
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Let a token expire, or delete it.
    #[command(alias = "rm", alias = "delete")]
    Remove(remove::RemoveArgs),
}

/// Does it.
pub(crate) async fn run(global: &GlobalArgs, command: TokensCommand) -> CliResult {
    match command {
        TokensCommand::Create(args) => create::run(global, args).await,
        TokensCommand::List(args) => list::run(global, args).await,
        TokensCommand::Remove(args) => remove::run(global, args).await,
    }
}

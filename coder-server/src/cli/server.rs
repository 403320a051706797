//! `coder server`.

use super::{
    config_dir::ConfigDir,
    error::{CliError, CliResult},
    global::GlobalArgs,
};
use crate::{config::Config, server};

/// Flags of `coder server`.
#[derive(clap::Args)]
pub(crate) struct ServerCommand {
    #[command(flatten)]
    config: Config,
}

/// Runs the server until it is told to stop.
pub(crate) async fn run(global: &GlobalArgs, command: ServerCommand) -> CliResult {
    let folder = ConfigDir::new(global.global_config.as_deref())?;
    server::run(command.config, folder.path())
        .await
        .map_err(|error| CliError::new("the server could not run").caused_by(error))
}

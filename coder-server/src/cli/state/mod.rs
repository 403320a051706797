//! `coder state`.

mod pull;
mod push;

use super::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    types::{Build, Workspace},
};

/// The verbs of `coder state`.
#[derive(clap::Subcommand)]
pub(crate) enum StateCommand {
    /// Download the Terraform state of a workspace.
    Pull(pull::PullArgs),
    /// Upload a Terraform state, and build the workspace from it.
    Push(push::PushArgs),
}

/// Runs a verb.
pub(crate) async fn run(global: &GlobalArgs, command: StateCommand) -> CliResult {
    match command {
        StateCommand::Pull(args) => pull::run(global, args).await,
        StateCommand::Push(args) => push::run(global, args).await,
    }
}

/// The build with this number, or the newest one for 0.
async fn build(client: &Client, workspace: &Workspace, number: i32) -> CliResult<Build> {
    if number == 0 {
        return Ok(workspace.latest_build.clone());
    }
    let path = format!(
        "api/v2/users/{}/workspace/{}/builds/{number}",
        workspace.owner_name, workspace.name
    );
    let found = client.find(&path).await?;
    found.ok_or_else(|| {
        CliError::new(format!("there is no build {number}")).hint(format!(
            "The newest build is {}.",
            workspace.latest_build.build_number
        ))
    })
}

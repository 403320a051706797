//! `coder update`.

use super::{
    builds::{StartArgs, start_found, stop_first},
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{error_line, printable},
    workspace,
};
use coder_core::workspace_build::WorkspaceStatus;

/// Moves a workspace to the active version of its template and starts it. One that runs is stopped first.
pub(crate) async fn run(global: &GlobalArgs, args: StartArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let workspace = workspace::find_by_text(&client, &args.workspace).await?;
    if !workspace.outdated && !args.parameters_given() {
        error_line(&format!(
            "The workspace {} is up to date.",
            printable(&workspace.full_name())
        ));
        return Ok(());
    }
    if workspace.latest_build.status == WorkspaceStatus::Running {
        stop_first(&client, &workspace).await?;
    }
    let version = &workspace.template_active_version_id;
    start_found(&client, &workspace, &args, version).await
}

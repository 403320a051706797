//! `coder start`, `coder stop`, `coder restart` and `coder delete`.

use super::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{confirm, error_line, printable},
    parameters::ParameterArgs,
    presets,
    progress::{Followed, warn_unmatched},
    types::{Build, Workspace, values_json},
    workspace,
};
use coder_core::{
    parameter::ParameterValue,
    workspace_build::{WorkspaceStatus, WorkspaceTransition},
};
use serde_json::json;

/// Flags of `coder start`, `coder restart` and `coder update`.
#[derive(clap::Args)]
pub(crate) struct StartArgs {
    /// The workspace.
    pub(super) workspace: String,
    /// A preset of the template; its values replace those from before.
    #[arg(long, env = "CODER_PRESET_NAME")]
    preset: Option<String>,
    /// Do not wait for the build.
    #[arg(long)]
    no_wait: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    parameters: ParameterArgs,
}

/// Flags of `coder stop`.
#[derive(clap::Args)]
pub(crate) struct StopArgs {
    /// The workspace.
    workspace: String,
    /// Do not wait for the build.
    #[arg(long)]
    no_wait: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Flags of `coder delete`.
#[derive(clap::Args)]
pub(crate) struct DeleteArgs {
    /// The workspaces.
    #[arg(required = true)]
    workspaces: Vec<String>,
    /// Forget the resources without destroying them: they stay and must be removed by hand.
    #[arg(long)]
    orphan: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Starts a workspace.
pub(crate) async fn start(global: &GlobalArgs, args: StartArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let workspace = workspace::find_by_text(&client, &args.workspace).await?;
    if workspace.latest_build.status == WorkspaceStatus::Running && !args.parameters_given() {
        error_line(&format!(
            "The workspace {} is already running.",
            printable(&workspace.full_name())
        ));
        return Ok(());
    }
    start_found(&client, &workspace, &args, version(&workspace)).await
}

/// Stops a workspace, then starts it.
pub(crate) async fn restart(global: &GlobalArgs, args: StartArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let workspace = workspace::find_by_text(&client, &args.workspace).await?;
    confirm(&format!("Restart {}?", workspace.full_name()), args.yes)?;
    stop_first(&client, &workspace).await?;
    start_found(&client, &workspace, &args, version(&workspace)).await
}

/// Stops a workspace that is about to be started anew, so that its scripts for that run.
pub(super) async fn stop_first(client: &Client, workspace: &Workspace) -> CliResult {
    let body = json!({ "transition": WorkspaceTransition::Stop, "reason": "cli" });
    build(client, workspace, &body, false).await
}

/// Stops a workspace.
pub(crate) async fn stop(global: &GlobalArgs, args: StopArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let workspace = workspace::find_by_text(&client, &args.workspace).await?;
    confirm(&format!("Stop {}?", workspace.full_name()), args.yes)?;
    let body = json!({ "transition": WorkspaceTransition::Stop, "reason": "cli" });
    build(&client, &workspace, &body, args.no_wait).await?;
    done(&workspace, "stopped", args.no_wait);
    Ok(())
}

/// Deletes workspaces.
pub(crate) async fn delete(global: &GlobalArgs, args: DeleteArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    for name in &args.workspaces {
        let workspace = workspace::find_by_text(&client, name).await?;
        let question = format!("Delete {} and everything in it?", workspace.full_name());
        confirm(&question, args.yes)?;
        let mut body = json!({ "transition": WorkspaceTransition::Delete, "reason": "cli" });
        if let Some(object) = body.as_object_mut().filter(|_| args.orphan) {
            object.insert("orphan".to_owned(), json!(true));
        }
        build(&client, &workspace, &body, false).await?;
        done(&workspace, "deleted", false);
    }
    Ok(())
}

/// Starts a workspace as it was, for commands that need it running.
pub(crate) async fn start_as_is(client: &Client, workspace: &Workspace) -> CliResult {
    let body = json!({ "transition": WorkspaceTransition::Start, "reason": "ssh_connection" });
    build(client, workspace, &body, false).await
}

/// The version that a start builds.
fn version(workspace: &Workspace) -> &str {
    if workspace.template_require_active_version || workspace.automatic_updates == "always" {
        &workspace.template_active_version_id
    } else {
        &workspace.latest_build.template_version_id
    }
}

/// Starts a workspace from a version of its template.
pub(super) async fn start_found(
    client: &Client,
    workspace: &Workspace,
    args: &StartArgs,
    version: &str,
) -> CliResult {
    let latest = &workspace.latest_build;
    let previous: Vec<ParameterValue> = client
        .get(&format!("api/v2/workspacebuilds/{}/parameters", latest.id))
        .await?;
    let preset = match &args.preset {
        Some(name) => {
            let presets = presets::of_version(client, version).await?;
            presets::choose(presets, Some(name), args.yes)?
        }
        None => None,
    };
    let values = args
        .parameters
        .for_update(client, version, &previous, preset.as_ref(), args.yes)
        .await?;
    let body = json!({
        "transition": WorkspaceTransition::Start,
        "template_version_id": version,
        "template_version_preset_id": preset.map(|preset| preset.id),
        "rich_parameter_values": values_json(&values),
        "reason": "cli",
    });
    build(client, workspace, &body, args.no_wait).await?;
    done(workspace, "started", args.no_wait);
    Ok(())
}

/// Queues a build and follows it, unless `no_wait`.
pub(super) async fn build(
    client: &Client,
    workspace: &Workspace,
    body: &serde_json::Value,
    no_wait: bool,
) -> CliResult {
    let path = format!("api/v2/workspaces/{}/builds", workspace.id);
    let build: Build = client.post(&path, body).await?;
    if no_wait {
        warn_unmatched(&build.job, build.matched_provisioners.as_ref());
        return Ok(());
    }
    Followed::build(&build.id)
        .wait(client)
        .await
        .map_err(|error: CliError| {
            error.hint(format!(
                "See the whole log with: coder logs {}",
                workspace.full_name()
            ))
        })
}

fn done(workspace: &Workspace, what: &str, no_wait: bool) {
    let name = printable(&workspace.full_name());
    error_line(&match no_wait {
        true => format!("The workspace {name} is being {what}."),
        false => format!("The workspace {name} has been {what}."),
    });
}

impl StartArgs {
    /// Whether a value is given, so that a workspace which runs is built anew.
    pub(super) fn parameters_given(&self) -> bool {
        self.parameters.any_given() || self.preset.is_some()
    }
}

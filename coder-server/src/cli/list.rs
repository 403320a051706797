//! `coder list`.

use super::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{OutputArgs, age, error_line, listing},
    types::Workspace,
};
use coder_core::clock::{Clock as _, SystemClock};
use coder_core::workspace_build::WorkspaceStatus;
use serde_json::Value;

/// Flags of `coder list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Workspaces of everyone.
    #[arg(short, long)]
    all: bool,
    /// Search words, such as `owner:me status:running`.
    #[arg(long, default_value = "owner:me")]
    search: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Lists workspaces.
pub(crate) async fn run(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let query = if args.all && args.search == "owner:me" {
        ""
    } else {
        &args.search
    };
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let mut answer: Value = client.get(&format!("api/v2/workspaces?q={query}")).await?;
    let value = answer
        .get_mut("workspaces")
        .map(Value::take)
        .unwrap_or_default();
    let workspaces: Vec<Workspace> = serde_json::from_value(value.clone())
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))?;
    if workspaces.is_empty() && args.output.output == super::output::Format::Table {
        error_line("No workspaces. Create one with: coder create <name>");
        return Ok(());
    }
    let now = SystemClock.now();
    let rows: Vec<Vec<String>> = workspaces
        .iter()
        .map(|workspace| {
            let running = workspace.latest_build.status == WorkspaceStatus::Running;
            vec![
                workspace.full_name(),
                workspace.template_name.clone(),
                workspace.latest_build.status.to_string(),
                if running {
                    workspace.health.healthy.to_string()
                } else {
                    String::new()
                },
                age(now, workspace.last_used_at),
                workspace.latest_build.template_version_name.clone(),
                workspace.outdated.to_string(),
            ]
        })
        .collect();
    let headings = [
        "workspace",
        "template",
        "status",
        "healthy",
        "last used",
        "current version",
        "outdated",
    ];
    listing(&args.output, &value, &headings, &rows)
}

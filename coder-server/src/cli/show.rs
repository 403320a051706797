//! `coder show`.

use super::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{Format, OutputArgs, line, printable},
    types::Workspace,
    workspace,
};
use serde_json::Value;

/// Flags of `coder show`.
#[derive(clap::Args)]
pub(crate) struct ShowArgs {
    /// The workspace.
    workspace: String,
    /// Also show hidden resources, apps and versions.
    #[arg(long)]
    details: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Shows one workspace.
pub(crate) async fn run(global: &GlobalArgs, args: ShowArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let found = workspace::find_by_text(&client, &args.workspace).await?;
    if args.output.output == Format::Json {
        let value: Value = client
            .get(&format!("api/v2/workspaces/{}", found.id))
            .await?;
        return super::output::json(&value);
    }
    heading(&found)?;
    for resource in &found.latest_build.resources {
        if resource.hide && !args.details {
            continue;
        }
        line(&format!(
            "{}.{}",
            printable(&resource.kind),
            printable(&resource.name)
        ))?;
        for agent in &resource.agents {
            let state = format!("{}, {}", agent.status, agent.lifecycle_state);
            let system = format!("{}, {}", agent.operating_system, agent.architecture);
            line(&format!(
                "  agent {} ({}): {state}",
                printable(&agent.name),
                printable(&system)
            ))?;
            if args.details {
                line(&format!("    version {}", printable(&agent.version)))?;
                for app in &agent.apps {
                    line(&format!("    app {}", printable(&app.slug)))?;
                }
            }
        }
    }
    Ok(())
}

fn heading(workspace: &Workspace) -> CliResult {
    let build = &workspace.latest_build;
    line(&format!(
        "{} from {} {}: {} (build {})",
        printable(&workspace.full_name()),
        printable(&workspace.template_name),
        printable(&build.template_version_name),
        build.status,
        build.build_number,
    ))?;
    if workspace.outdated {
        line("  The template has a newer version.")?;
    }
    Ok(())
}

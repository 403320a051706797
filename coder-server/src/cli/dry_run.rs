//! Shows what a workspace would have before it is created.

use super::{
    client::Client,
    error::{CliError, CliResult},
    output::{error_line, printable},
    progress::Followed,
    types::{Resource, values_json},
};
use coder_core::parameter::ParameterValue;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct DryRun {
    id: String,
}

/// Plans a version with these values and prints the resources of a started workspace.
pub(crate) async fn show(
    client: &Client,
    version: &str,
    workspace: &str,
    values: &[ParameterValue],
) -> CliResult {
    let path = format!("api/v2/templateversions/{version}/dry-run");
    let body = json!({ "workspace_name": workspace, "rich_parameter_values": values_json(values) });
    let run: DryRun = client.post(&path, &body).await?;
    Followed::dry_run(version, &run.id)
        .wait(client)
        .await
        .map_err(|error| CliError::new("the workspace cannot be planned").caused_by(error))?;
    let path = format!("{path}/{}/resources", run.id);
    let resources: Vec<Resource> = client.get(&path).await?;
    error_line(&format!(
        "The workspace {} will have:",
        printable(workspace)
    ));
    for resource in resources.iter().filter(|resource| !resource.hide) {
        let (kind, name) = (printable(&resource.kind), printable(&resource.name));
        error_line(&format!("  {kind}.{name}"));
        for agent in &resource.agents {
            let system = format!("{}, {}", agent.operating_system, agent.architecture);
            let name = printable(&agent.name);
            error_line(&format!("    agent {name} ({})", printable(&system)));
        }
    }
    Ok(())
}

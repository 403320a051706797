//! `coder provisioner keys create`.

use crate::cli::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{error_line, line, printable},
    parameters::pairs,
    provisioner::{OrganizationArgs, path},
};
use coder_core::{provisioner_job::Tags, secret::Secret};
use serde_json::json;

/// Flags of `coder provisioner keys create`.
#[derive(clap::Args)]
pub(crate) struct CreateArgs {
    /// Name of the key.
    name: String,
    /// A tag of the daemons that will join with it, `name=value`.
    #[arg(
        short,
        long,
        env = "CODER_PROVISIONERD_TAGS",
        value_delimiter = ',',
        value_name = "NAME=VALUE"
    )]
    tag: Vec<String>,
    #[command(flatten)]
    organization: OrganizationArgs,
}

#[derive(serde::Deserialize)]
struct Created {
    key: Secret,
}

/// Makes a key. Only its secret goes to standard output.
pub(crate) async fn run(global: &GlobalArgs, args: CreateArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let tags: Tags = pairs(&args.tag)?.into_iter().collect();
    let path = path(&args.organization, "provisionerkeys", &[]);
    let body = json!({ "name": args.name, "tags": tags });
    let created: Created = client.post(&path, &body).await?;
    error_line(&format!(
        "The provisioner key {} has been made. Keep its secret, it is not shown again:",
        printable(&args.name)
    ));
    line(created.key.expose())
}

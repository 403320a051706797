//! `coder provisioner keys delete`.

use crate::cli::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{confirm, error_line, printable},
    provisioner::{OrganizationArgs, path, word},
};
use reqwest::Method;

/// Flags of `coder provisioner keys delete`.
#[derive(clap::Args)]
pub(crate) struct DeleteArgs {
    /// Name of the key.
    name: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    organization: OrganizationArgs,
}

/// Removes a key.
pub(crate) async fn run(global: &GlobalArgs, args: DeleteArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let name = printable(&args.name);
    let question = format!("Delete the provisioner key {name}? Its daemons will go.");
    confirm(&question, args.yes)?;
    let rest = format!("provisionerkeys/{}", word(&args.name));
    let path = path(&args.organization, &rest, &[]);
    client.send(Method::DELETE, &path, None).await?;
    error_line(&format!("The provisioner key {name} has been deleted."));
    Ok(())
}

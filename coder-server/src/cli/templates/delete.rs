//! `coder templates delete`.

use crate::cli::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{confirm, error_line},
};
use reqwest::Method;

/// Flags of `coder templates delete`.
#[derive(clap::Args)]
pub(crate) struct DeleteArgs {
    /// The templates.
    #[arg(required = true)]
    templates: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// The organization.
    #[arg(
        short = 'O',
        long,
        env = "CODER_ORGANIZATION",
        default_value = "default"
    )]
    org: String,
}

/// Removes templates; the server refuses while workspaces use them.
pub(crate) async fn run(global: &GlobalArgs, args: DeleteArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    for name in &args.templates {
        let template = super::get(&client, &args.org, name).await?;
        confirm(&format!("Delete the template {name}?"), args.yes)?;
        client
            .send(
                Method::DELETE,
                &format!("api/v2/templates/{}", template.id),
                None,
            )
            .await?;
        error_line(&format!("The template {name} has been deleted."));
    }
    Ok(())
}

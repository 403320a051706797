//! `coder rename`.

use super::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{confirm, error_line, printable},
    workspace,
};
use reqwest::Method;

/// Flags of `coder rename`.
#[derive(clap::Args)]
pub(crate) struct RenameArgs {
    /// The workspace.
    workspace: String,
    /// Its new name.
    new_name: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Renames a workspace.
pub(crate) async fn run(global: &GlobalArgs, args: RenameArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let found = workspace::find_by_text(&client, &args.workspace).await?;
    let before = found.full_name();
    confirm(
        &format!(
            "Rename {before} to {:?}? Templates may use the name: the next start can make its resources anew.",
            args.new_name
        ),
        args.yes,
    )?;
    let body = serde_json::json!({ "name": args.new_name });
    let path = format!("api/v2/workspaces/{}", found.id);
    client.send(Method::PATCH, &path, Some(&body)).await?;
    error_line(&format!(
        "{} is {} now.",
        printable(&before),
        printable(&args.new_name)
    ));
    Ok(())
}

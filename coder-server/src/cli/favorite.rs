//! `coder favorite` and `coder unfavorite`.

use super::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{error_line, printable},
    workspace,
};
use reqwest::Method;

/// Flags of `coder favorite` and `coder unfavorite`.
#[derive(clap::Args)]
pub(crate) struct FavoriteArgs {
    /// The workspace.
    workspace: String,
}

/// Pins a workspace, so that lists show it first.
pub(crate) async fn favorite(global: &GlobalArgs, args: FavoriteArgs) -> CliResult {
    set(global, &args, Method::PUT, "is a favorite now").await
}

/// Unpins a workspace.
pub(crate) async fn unfavorite(global: &GlobalArgs, args: FavoriteArgs) -> CliResult {
    set(global, &args, Method::DELETE, "is no favorite any more").await
}

async fn set(global: &GlobalArgs, args: &FavoriteArgs, method: Method, what: &str) -> CliResult {
    let client = Client::signed_in(global)?;
    let found = workspace::find_by_text(&client, &args.workspace).await?;
    let path = format!("api/v2/workspaces/{}/favorite", found.id);
    client.send(method, &path, None).await?;
    error_line(&format!("{} {what}.", printable(&found.full_name())));
    Ok(())
}

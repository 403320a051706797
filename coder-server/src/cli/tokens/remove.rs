//! `coder tokens remove`.

use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{error_line, printable},
};
use reqwest::Method;

/// Flags of `coder tokens remove`.
#[derive(clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its name, its id, or its whole text.
    #[arg(value_name = "TOKEN")]
    removed: String,
    /// Delete it instead of letting it expire, so that lists do not show it any more.
    #[arg(long)]
    delete: bool,
}

/// Ends a token.
pub(crate) async fn run(global: &GlobalArgs, args: RemoveArgs) -> CliResult {
    #[derive(serde::Deserialize)]
    struct Token {
        id: String,
    }
    let client = Client::signed_in(global)?;
    let name: String = url::form_urlencoded::byte_serialize(args.removed.as_bytes()).collect();
    let by_name = format!("api/v2/users/me/keys/tokens/{name}");
    let found: Option<Token> = match client.find(&by_name).await? {
        Some(token) => Some(token),
        None => {
            // The text of a token begins with its id.
            let id = name.split('-').next().unwrap_or_default();
            client.find(&format!("api/v2/users/me/keys/{id}")).await?
        }
    };
    let token = found.ok_or_else(|| {
        CliError::new("there is no such token").hint("See yours with: coder tokens list")
    })?;
    let path = format!("api/v2/users/me/keys/{}", token.id);
    if args.delete {
        client.send(Method::DELETE, &path, None).await?;
    } else {
        client
            .send(Method::PUT, &format!("{path}/expire"), None)
            .await?;
    }
    let what = if args.delete { "deleted" } else { "ended" };
    error_line(&format!("The token {} was {what}.", printable(&token.id)));
    Ok(())
}

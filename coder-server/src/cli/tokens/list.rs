//! `coder tokens list`.

use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{OutputArgs, age, error_line, listing},
};
use coder_core::{
    Timestamp,
    clock::{Clock as _, SystemClock},
};
use serde_json::Value;

/// Flags of `coder tokens list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Those that have expired too.
    #[arg(long)]
    include_expired: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(serde::Deserialize)]
struct Token {
    id: String,
    token_name: String,
    scopes: Vec<String>,
    last_used: Timestamp,
    expires_at: Timestamp,
    created_at: Timestamp,
}

/// Prints the tokens of the signed-in user.
pub(crate) async fn run(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let path = format!(
        "api/v2/users/me/keys/tokens?include_expired={}",
        args.include_expired
    );
    let value: Value = client.get(&path).await?;
    let tokens: Vec<Token> = serde_json::from_value(value.clone())
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))?;
    if tokens.is_empty() {
        error_line("There is no token; make one with: coder tokens create");
    }
    let now = SystemClock.now();
    let rows = tokens.into_iter().map(|token| {
        // A token that was never used has the year 1.
        let used = match token.last_used > token.created_at {
            true => format!("{} ago", age(now, token.last_used)),
            false => "never".to_owned(),
        };
        let expires = match token.expires_at > now {
            true => format!("in {}", age(token.expires_at, now)),
            false => "expired".to_owned(),
        };
        let created = format!("{} ago", age(now, token.created_at));
        let scopes = token.scopes.join(" ");
        vec![token.id, token.token_name, scopes, used, expires, created]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let headings = [
        "id",
        "name",
        "scopes",
        "last used",
        "expires at",
        "created at",
    ];
    listing(&args.output, &value, &headings, &rows)
}

//! `coder tokens create`.

use crate::{
    cli::{client::Client, error::CliResult, global::GlobalArgs, output::line},
    config::parse_duration,
};
use chrono::TimeDelta;
use serde_json::json;

/// Flags of `coder tokens create`.
#[derive(clap::Args)]
pub(crate) struct CreateArgs {
    /// How long it works, such as `30d` or `12h`; the server's default without it.
    #[arg(long, env = "CODER_TOKEN_LIFETIME", value_parser = parse_duration, value_name = "DURATION")]
    lifetime: Option<TimeDelta>,
    /// Its name; made up without one.
    #[arg(short, long, env = "CODER_TOKEN_NAME", default_value = "")]
    name: String,
    /// Whose it is.
    #[arg(short, long, env = "CODER_TOKEN_USER", default_value = "me")]
    user: String,
    /// What it may do, repeatable; everything without one.
    #[arg(long)]
    scope: Vec<String>,
}

/// Creates one and prints its text.
pub(crate) async fn run(global: &GlobalArgs, args: CreateArgs) -> CliResult {
    #[derive(serde::Deserialize)]
    struct Key {
        key: String,
    }
    let client = Client::signed_in(global)?;
    let lifetime = args
        .lifetime
        .and_then(|lifetime| lifetime.num_nanoseconds());
    let body = json!({
        "lifetime": lifetime.unwrap_or_default(),
        "scopes": args.scope,
        "token_name": args.name,
    });
    let path = format!("api/v2/users/{}/keys/tokens", args.user);
    let key: Key = client.post(&path, &body).await?;
    line(&key.key)
}

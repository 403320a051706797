//! `coder publickey`.

use super::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{confirm, error_line, line},
};

const PATH: &str = "api/v2/users/me/gitsshkey";

/// Flags of `coder publickey`.
#[derive(clap::Args)]
pub(crate) struct PublicKeyArgs {
    /// Replace the key pair by a new one.
    #[arg(long)]
    reset: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

#[derive(serde::Deserialize)]
struct Key {
    public_key: String,
}

/// Prints the key that Git hosts have to know, on standard output and nothing else there.
pub(crate) async fn run(global: &GlobalArgs, args: PublicKeyArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let key: Key = if args.reset {
        let question = "Replace your key pair? Git hosts that know the old one refuse it then.";
        confirm(question, args.yes)?;
        client.put(PATH, &serde_json::json!({})).await?
    } else {
        client.get(PATH).await?
    };
    error_line("Workspaces reach Git hosts over SSH with this key. Give it to your account there:");
    line(key.public_key.trim_end())
}

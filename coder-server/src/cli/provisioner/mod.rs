//! `coder provisioner`.

mod jobs;
mod keys;
mod list;
mod logging;
mod start;

use super::{
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::OutputArgs,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The verbs of `coder provisioner`.
#[derive(clap::Subcommand)]
pub(crate) enum ProvisionerCommand {
    /// Show provisioner daemons.
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Keys with which external daemons join.
    #[command(subcommand, alias = "key")]
    Keys(keys::KeysCommand),
    /// Provisioner jobs.
    #[command(subcommand, alias = "job")]
    Jobs(jobs::JobsCommand),
    /// Run a provisioner daemon that takes jobs of a server elsewhere.
    Start(Box<start::StartArgs>),
}

/// The organization that a verb is about.
#[derive(clap::Args)]
struct OrganizationArgs {
    /// The organization.
    #[arg(
        short = 'O',
        long,
        env = "CODER_ORGANIZATION",
        default_value = "default"
    )]
    org: String,
}

/// Runs a verb.
pub(crate) async fn run(global: &GlobalArgs, command: ProvisionerCommand) -> CliResult {
    match command {
        ProvisionerCommand::List(args) => list::run(global, args).await,
        ProvisionerCommand::Keys(command) => keys::run(global, command).await,
        ProvisionerCommand::Jobs(command) => jobs::run(global, command).await,
        ProvisionerCommand::Start(args) => start::run(global, *args).await,
    }
}

/// A path of an organization, with a query.
fn path(organization: &OrganizationArgs, rest: &str, query: &[(&str, String)]) -> String {
    let mut path = format!("api/v2/organizations/{}/{rest}", word(&organization.org));
    let mut separator = '?';
    for (name, value) in query {
        path.push(separator);
        path.push_str(&format!("{name}={}", word(value)));
        separator = '&';
    }
    path
}

/// A text as it stands in a path or query.
fn word(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// The typed form of an answer that is also printed as JSON.
fn typed<T: DeserializeOwned>(value: &Value) -> CliResult<T> {
    serde_json::from_value(value.clone())
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))
}

/// The columns that are shown when none are asked for.
fn with_columns(args: &OutputArgs, defaults: &[&str]) -> OutputArgs {
    let mut args = args.clone();
    if args.column.is_empty() {
        args.column = defaults.iter().map(|&name| name.to_owned()).collect();
    }
    args
}

/// Tags in one cell; the two that every set has are left out where they say nothing.
fn tags_text(tags: &BTreeMap<String, String>) -> String {
    let shown = tags.iter().filter(|(key, value)| match key.as_str() {
        "scope" => value.as_str() != "organization",
        "owner" => !value.is_empty(),
        _ => true,
    });
    let pairs: Vec<String> = shown.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_stays_in_its_place() {
        let org = OrganizationArgs {
            org: "a/../b".to_owned(),
        };
        let found = path(
            &org,
            "x",
            &[("status", "a b&c".to_owned()), ("l", "1".to_owned())],
        );
        assert_eq!(
            found,
            "api/v2/organizations/a%2F..%2Fb/x?status=a%20b%26c&l=1"
        );
    }

    #[test]
    fn tags_that_say_nothing_are_left_out() {
        let tags = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            tags_text(&pairs.collect())
        };
        assert_eq!(
            tags(&[("scope", "organization"), ("owner", ""), ("gpu", "yes")]),
            "gpu=yes"
        );
        assert_eq!(
            tags(&[("scope", "user"), ("owner", "x")]),
            "owner=x scope=user"
        );
    }
}

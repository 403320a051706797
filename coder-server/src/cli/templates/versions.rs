//! `coder templates versions`.

use crate::cli::{
    client::Client,
    create::version_id,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{OutputArgs, age, error_line, listing},
    types::TemplateVersion,
};
use coder_core::clock::{Clock as _, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

/// The verbs of `coder templates versions`.
#[derive(clap::Subcommand)]
pub(crate) enum VersionsCommand {
    /// Show versions.
    #[command(alias = "ls")]
    List(ListArgs),
    /// Make a version the active one.
    Promote(PromoteArgs),
}

/// Flags of `coder templates versions list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// The template.
    template: String,
    /// Archived versions too.
    #[arg(long)]
    include_archived: bool,
    /// The organization.
    #[arg(
        short = 'O',
        long,
        env = "CODER_ORGANIZATION",
        default_value = "default"
    )]
    org: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `coder templates versions promote`.
#[derive(clap::Args)]
pub(crate) struct PromoteArgs {
    /// The template.
    #[arg(short, long, env = "CODER_TEMPLATE_NAME")]
    template: String,
    /// The version.
    #[arg(long, env = "CODER_TEMPLATE_VERSION_NAME")]
    template_version: String,
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
pub(crate) async fn run(global: &GlobalArgs, command: VersionsCommand) -> CliResult {
    match command {
        VersionsCommand::List(args) => list(global, args).await,
        VersionsCommand::Promote(args) => promote(global, args).await,
    }
}

async fn list(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let template = super::get(&client, &args.org, &args.template).await?;
    let path = format!(
        "api/v2/templates/{}/versions?include_archived={}",
        template.id, args.include_archived
    );
    let value: Value = client.get(&path).await?;
    let versions: Vec<TemplateVersion> = serde_json::from_value(value.clone())
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))?;
    let now = SystemClock.now();
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            let active = version.id == template.active_version_id;
            vec![
                version.name.clone(),
                age(now, version.created_at),
                version.created_by.username.clone(),
                version.job.status.to_string(),
                if active {
                    "Active".to_owned()
                } else {
                    String::new()
                },
            ]
        })
        .collect();
    let value: Value = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            let active =
                item.get("id").and_then(Value::as_str) == Some(&template.active_version_id);
            json!({ "TemplateVersion": item, "active": active })
        })
        .collect();
    listing(
        &args.output,
        &value,
        &["name", "created", "created by", "status", "active"],
        &rows,
    )
}

async fn promote(global: &GlobalArgs, args: PromoteArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let template = super::get(&client, &args.org, &args.template).await?;
    let version = version_id(&client, &template, Some(&args.template_version)).await?;
    let path = format!("api/v2/templates/{}/versions", template.id);
    client
        .send(Method::PATCH, &path, Some(&json!({ "id": version })))
        .await?;
    error_line(&format!(
        "{} is the active version of {}.",
        args.template_version, args.template
    ));
    Ok(())
}

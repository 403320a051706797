//! `coder templates presets`.

use crate::cli::{
    client::Client,
    create::version_id,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{OutputArgs, listing},
    presets::Preset,
};
use serde_json::{Value, json};

/// The verbs of `coder templates presets`.
#[derive(clap::Subcommand)]
pub(crate) enum PresetsCommand {
    /// Show presets.
    #[command(alias = "ls")]
    List(ListArgs),
}

/// Flags of `coder templates presets list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// The template.
    template: String,
    /// A version other than the active one.
    #[arg(long)]
    template_version: Option<String>,
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

/// Runs a verb.
pub(crate) async fn run(global: &GlobalArgs, command: PresetsCommand) -> CliResult {
    match command {
        PresetsCommand::List(args) => list(global, args).await,
    }
}

async fn list(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let template = super::get(&client, &args.org, &args.template).await?;
    let version = version_id(&client, &template, args.template_version.as_deref()).await?;
    let path = format!("api/v2/templateversions/{version}/presets");
    let value: Value = client.get(&path).await?;
    let presets: Vec<Preset> = serde_json::from_value(value.clone())
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))?;
    let rows: Vec<Vec<String>> = presets
        .iter()
        .map(|preset| {
            let instances = preset.desired_prebuild_instances;
            vec![
                preset.name.clone(),
                preset.description.clone(),
                preset.summary(),
                preset.default.to_string(),
                instances.map_or_else(|| "-".to_owned(), |count| count.to_string()),
            ]
        })
        .collect();
    let items = value.as_array().into_iter().flatten();
    let value: Value = items
        .map(|item| json!({ "TemplatePreset": item }))
        .collect();
    let headings = [
        "name",
        "description",
        "parameters",
        "default",
        "desired prebuild instances",
    ];
    listing(&args.output, &value, &headings, &rows)
}

//! `coder templates list`.

use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{Format, OutputArgs, age, error_line, listing},
    types::Template,
};
use coder_core::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// Flags of `coder templates list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Lists templates.
pub(crate) async fn run(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let value: Value = client.get("api/v2/templates").await?;
    let templates: Vec<Template> = serde_json::from_value(value.clone())
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))?;
    if templates.is_empty() && args.output.output == Format::Table {
        error_line("No templates. Make one with: coder templates init");
        return Ok(());
    }
    let now = SystemClock.now();
    let rows: Vec<Vec<String>> = templates
        .iter()
        .map(|template| {
            vec![
                template.name.clone(),
                template.display_name.clone(),
                template.organization_name.clone(),
                age(now, template.updated_at),
                template.active_user_count.to_string(),
            ]
        })
        .collect();
    // Scripts find each template under this key.
    let value: Value = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| json!({ "Template": item }))
        .collect();
    listing(
        &args.output,
        &value,
        &[
            "name",
            "display name",
            "organization",
            "last updated",
            "used by",
        ],
        &rows,
    )
}

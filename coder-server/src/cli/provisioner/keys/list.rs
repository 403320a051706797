//! `coder provisioner keys list`.

use crate::cli::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{OutputArgs, age, error_line, listing},
    provisioner::{OrganizationArgs, path, tags_text, typed, with_columns},
};
use coder_core::{
    Timestamp,
    clock::{Clock as _, SystemClock},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Flags of `coder provisioner keys list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    organization: OrganizationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Deserialize)]
struct Key {
    id: String,
    organization: String,
    created_at: Timestamp,
    name: String,
    tags: BTreeMap<String, String>,
}

/// Prints the keys of an organization.
pub(crate) async fn run(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let value: Value = client
        .get(&path(&args.organization, "provisionerkeys", &[]))
        .await?;
    let keys: Vec<Key> = typed(&value)?;
    if keys.is_empty() {
        error_line("There is no provisioner key; make one with: coder provisioner keys create");
    }
    let now = SystemClock.now();
    let rows = keys.into_iter().map(|key| {
        let created = age(now, key.created_at);
        vec![
            key.id,
            key.organization,
            created,
            key.name,
            tags_text(&key.tags),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    listing(
        &with_columns(&args.output, &["created at", "name", "tags"]),
        &value,
        &["id", "organization id", "created at", "name", "tags"],
        &rows,
    )
}

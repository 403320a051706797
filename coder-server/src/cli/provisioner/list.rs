//! `coder provisioner list`.

use super::{OrganizationArgs, path, tags_text, typed, with_columns};
use crate::{
    cli::{
        client::Client,
        error::{CliError, CliResult},
        global::GlobalArgs,
        output::{OutputArgs, age, error_line, listing},
    },
    config::parse_duration,
};
use chrono::TimeDelta;
use coder_core::{
    Timestamp,
    clock::{Clock as _, SystemClock},
    provisioner_daemon::DaemonStatus,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Columns that there are, and those shown when none are asked for.
const COLUMNS: [&str; 12] = [
    "id",
    "organization id",
    "created at",
    "last seen at",
    "name",
    "version",
    "api version",
    "tags",
    "key name",
    "status",
    "current job id",
    "previous job id",
];
const DEFAULT_COLUMNS: [&str; 7] = [
    "created at",
    "last seen at",
    "key name",
    "name",
    "version",
    "status",
    "tags",
];

/// Flags of `coder provisioner list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Most daemons to show.
    #[arg(
        short,
        long,
        env = "CODER_PROVISIONER_LIST_LIMIT",
        default_value_t = 50
    )]
    limit: u32,
    /// Those that are not connected too.
    #[arg(short = 'f', long, env = "CODER_PROVISIONER_SHOW_OFFLINE")]
    show_offline: bool,
    /// Only those that are `offline`, `idle` or `busy`; several with commas.
    #[arg(
        short,
        long,
        env = "CODER_PROVISIONER_LIST_STATUS",
        value_delimiter = ','
    )]
    status: Vec<DaemonStatus>,
    /// Only those seen within this time, such as 1h.
    #[arg(short, long, env = "CODER_PROVISIONER_LIST_MAX_AGE", value_parser = parse_duration)]
    max_age: Option<TimeDelta>,
    #[command(flatten)]
    organization: OrganizationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Deserialize)]
struct Daemon {
    id: String,
    organization_id: String,
    created_at: Timestamp,
    last_seen_at: Option<Timestamp>,
    name: String,
    version: String,
    api_version: String,
    tags: BTreeMap<String, String>,
    key_name: Option<String>,
    status: String,
    current_job: Option<DaemonJob>,
    previous_job: Option<DaemonJob>,
}

#[derive(Deserialize)]
struct DaemonJob {
    id: String,
}

/// Prints the daemons of an organization.
pub(crate) async fn run(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let mut status = args.status.clone();
    if status.is_empty() && !args.show_offline {
        status = vec![DaemonStatus::Idle, DaemonStatus::Busy];
    }
    let status: Vec<&str> = status.iter().map(|status| status.as_str()).collect();
    let mut query = vec![("limit", args.limit.to_string())];
    if !status.is_empty() {
        query.push(("status", status.join(",")));
    }
    let now = SystemClock.now();
    let mut value: Value = client
        .get(&path(&args.organization, "provisionerdaemons", &query))
        .await?;
    if let Some(max_age) = args.max_age {
        drop_older(&mut value, now - max_age)?;
    }
    let daemons: Vec<Daemon> = typed(&value)?;
    if daemons.is_empty() {
        error_line("There is no provisioner daemon to show.");
    }
    let rows: Vec<Vec<String>> = daemons.into_iter().map(|daemon| row(now, daemon)).collect();
    let output = with_columns(&args.output, &DEFAULT_COLUMNS);
    listing(&output, &value, &COLUMNS, &rows)
}

fn drop_older(daemons: &mut Value, oldest: Timestamp) -> CliResult {
    let daemons = daemons
        .as_array_mut()
        .ok_or_else(|| CliError::new("the answer is not understood"))?;
    daemons.retain(|daemon| {
        let seen = daemon.get("last_seen_at").and_then(Value::as_str);
        let seen = seen.and_then(|text| text.parse::<Timestamp>().ok());
        seen.is_some_and(|seen| seen >= oldest)
    });
    Ok(())
}

fn row(now: Timestamp, daemon: Daemon) -> Vec<String> {
    let job = |job: Option<DaemonJob>| job.map(|job| job.id).unwrap_or_default();
    vec![
        daemon.id,
        daemon.organization_id,
        age(now, daemon.created_at),
        daemon
            .last_seen_at
            .map(|seen| age(now, seen))
            .unwrap_or_default(),
        daemon.name,
        daemon.version,
        daemon.api_version,
        tags_text(&daemon.tags),
        daemon.key_name.unwrap_or_default(),
        daemon.status,
        job(daemon.current_job),
        job(daemon.previous_job),
    ]
}

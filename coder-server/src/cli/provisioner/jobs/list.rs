//! `coder provisioner jobs list`.

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
    provisioner_job::JobStatus,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Columns that there are, and those shown when none are asked for.
const COLUMNS: [&str; 16] = [
    "id",
    "created at",
    "started at",
    "completed at",
    "canceled at",
    "error",
    "status",
    "worker name",
    "file id",
    "tags",
    "queue",
    "initiator id",
    "type",
    "template name",
    "template version name",
    "workspace name",
];
const DEFAULT_COLUMNS: [&str; 7] = [
    "created at",
    "id",
    "type",
    "template name",
    "status",
    "queue",
    "tags",
];

/// Flags of `coder provisioner jobs list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Only those that are `pending`, `running`, `succeeded`, `canceling`, `canceled` or `failed`; several
    /// with commas.
    #[arg(
        short,
        long,
        env = "CODER_PROVISIONER_JOB_LIST_STATUS",
        value_delimiter = ','
    )]
    status: Vec<JobStatus>,
    /// Most jobs to show.
    #[arg(
        short,
        long,
        env = "CODER_PROVISIONER_JOB_LIST_LIMIT",
        default_value_t = 50
    )]
    limit: u32,
    /// Only those that this user asked for.
    #[arg(short, long, env = "CODER_PROVISIONER_JOB_LIST_INITIATOR")]
    initiator: Option<String>,
    #[command(flatten)]
    organization: OrganizationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Deserialize)]
struct Job {
    id: String,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
    #[serde(default)]
    error: String,
    status: String,
    #[serde(default)]
    worker_name: String,
    file_id: String,
    tags: BTreeMap<String, String>,
    queue_position: i64,
    queue_size: i64,
    initiator_id: String,
    #[serde(rename = "type")]
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    template_name: String,
    #[serde(default)]
    template_version_name: String,
    #[serde(default)]
    workspace_name: String,
}

/// Prints the jobs of an organization.
pub(crate) async fn run(global: &GlobalArgs, args: ListArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let mut query = vec![("limit", args.limit.to_string())];
    if !args.status.is_empty() {
        let status: Vec<&str> = args.status.iter().map(|status| status.as_str()).collect();
        query.push(("status", status.join(",")));
    }
    if let Some(initiator) = args.initiator {
        query.push(("initiator", initiator));
    }
    let value: Value = client
        .get(&path(&args.organization, "provisionerjobs", &query))
        .await?;
    let jobs: Vec<Job> = typed(&value)?;
    if jobs.is_empty() {
        error_line("There is no provisioner job to show.");
    }
    let now = SystemClock.now();
    let rows: Vec<Vec<String>> = jobs.into_iter().map(|job| row(now, job)).collect();
    let output = with_columns(&args.output, &DEFAULT_COLUMNS);
    listing(&output, &value, &COLUMNS, &rows)
}

fn row(now: Timestamp, job: Job) -> Vec<String> {
    let time = |time: Option<Timestamp>| time.map(|time| age(now, time)).unwrap_or_default();
    let queue = if job.queue_position > 0 {
        format!("{}/{}", job.queue_position, job.queue_size)
    } else {
        String::new()
    };
    vec![
        job.id,
        age(now, job.created_at),
        time(job.started_at),
        time(job.completed_at),
        time(job.canceled_at),
        job.error,
        job.status,
        job.worker_name,
        job.file_id,
        tags_text(&job.tags),
        queue,
        job.initiator_id,
        job.kind,
        job.metadata.template_name,
        job.metadata.template_version_name,
        job.metadata.workspace_name,
    ]
}

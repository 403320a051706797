//! Follows a job: its log as it is written, then how it ended.

use super::{
    client::Client,
    error::{CliError, CliResult},
    output::{error_line, printable},
    types::{Job, JobLog, MatchedProvisioners},
};
use coder_agent::tunnel::ws;
use coder_core::{
    Timestamp,
    provisioner_job::{JobStatus, LogLevel},
};
use futures_util::StreamExt as _;
use reqwest::Method;
use std::{io::IsTerminal as _, time::Duration};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

/// The server pings every 15 s; a stream that is silent for longer is broken.
const SILENCE: Duration = Duration::from_secs(45);
/// The longest line of a stream, in bytes of JSON; the server's own bound on a line is far below.
const MAX_LINE: usize = 1024 * 1024;
/// Where there is no stream: between two looks at a job that writes, and the longest pause of one that is silent.
const POLL: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(1_000));

/// Where a job's state and log are.
pub(crate) struct Followed<'a> {
    /// Path of the log.
    pub(crate) logs: String,
    /// Reads the job; it is asked after each look at the log.
    pub(crate) owner: JobOwner<'a>,
}

/// What has the job.
pub(crate) enum JobOwner<'a> {
    /// A template version.
    Version(&'a str),
    /// A build.
    Build(&'a str),
    /// A dry run of a template version: where it is.
    DryRun(String),
}

#[derive(serde::Deserialize)]
struct WithJob {
    job: Job,
    #[serde(default)]
    matched_provisioners: Option<MatchedProvisioners>,
}

impl<'a> Followed<'a> {
    /// The import of a version.
    pub(crate) fn version(id: &'a str) -> Self {
        Self {
            logs: format!("api/v2/templateversions/{id}/logs"),
            owner: JobOwner::Version(id),
        }
    }

    /// A build.
    pub(crate) fn build(id: &'a str) -> Self {
        Self {
            logs: format!("api/v2/workspacebuilds/{id}/logs"),
            owner: JobOwner::Build(id),
        }
    }

    /// A dry run of a version.
    pub(crate) fn dry_run(version: &str, job: &str) -> Self {
        let path = format!("api/v2/templateversions/{version}/dry-run/{job}");
        Self {
            logs: format!("{path}/logs"),
            owner: JobOwner::DryRun(path),
        }
    }

    async fn job(&self, client: &Client) -> CliResult<WithJob> {
        match &self.owner {
            JobOwner::Version(id) => client.get(&format!("api/v2/templateversions/{id}")).await,
            JobOwner::Build(id) => client.get(&format!("api/v2/workspacebuilds/{id}")).await,
            JobOwner::DryRun(path) => Ok(WithJob {
                job: client.get(path).await?,
                matched_provisioners: None,
            }),
        }
    }

    /// Prints the log to standard error until the job ends.
    pub(crate) async fn wait(&self, client: &Client) -> CliResult {
        let mut printer = Printer::default();
        // Polling takes over where the stream ends: for the job's result, and for what the stream did not
        // carry, if a proxy on the way breaks WebSockets.
        if let Err(error) = self.stream(client, &mut printer).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the log is polled"
            );
        }
        self.poll(client, printer).await
    }

    /// Prints lines as the server sends them, until it says that the job has ended.
    async fn stream(&self, client: &Client, printer: &mut Printer) -> CliResult {
        let path = format!("{}?follow=true&after=0", self.logs);
        let opening = ws::upgrade(client.request(Method::GET, &path)?);
        let (opened, job) = tokio::join!(opening, self.job(client));
        printer.waiting(&job?);
        let failed = |error| CliError::new("the log cannot be followed").caused_by(error);
        let config = WebSocketConfig::default().max_message_size(Some(MAX_LINE));
        let mut socket = WebSocketStream::from_raw_socket(
            opened.map_err(|error| CliError::new("there is no stream").caused_by(error))?,
            Role::Client,
            Some(config),
        )
        .await;
        loop {
            match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(line)))) => {
                    let log = serde_json::from_str(&line).map_err(|error| {
                        CliError::new("a line of the log is not understood").caused_by(error)
                    })?;
                    printer.log(&log);
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(failed(error)),
                Ok(None) => return Ok(()),
                Err(_) => return Err(CliError::new("the stream is silent")),
            }
        }
    }

    async fn poll(&self, client: &Client, mut printer: Printer) -> CliResult {
        let mut pause = POLL.0;
        loop {
            // The state is read before the log: what is final then has its whole log already.
            let job = self.job(client).await?;
            let path = format!("{}?after={}", self.logs, printer.after);
            let lines: Vec<JobLog> = client.get(&path).await?;
            pause = if lines.is_empty() {
                (pause * 2).min(POLL.1)
            } else {
                POLL.0
            };
            for log in &lines {
                printer.log(log);
            }
            if job.job.status.is_final() {
                printer.end(job.job.completed_at);
                return ended(&job.job);
            }
            printer.waiting(&job);
            tokio::time::sleep(pause).await;
        }
    }
}

fn ended(job: &Job) -> CliResult {
    match job.status {
        JobStatus::Succeeded => Ok(()),
        JobStatus::Canceled => Err(CliError::new("the job was canceled")),
        _ => Err(CliError::new(format!(
            "the job failed: {}",
            printable(&job.error)
        ))),
    }
}

/// Prints a heading for each stage with its duration, and the lines below.
#[derive(Default)]
struct Printer {
    /// Its name and when its first line was written.
    stage: Option<(String, Timestamp)>,
    /// The last line's id.
    after: i64,
    said_waiting: bool,
}

impl Printer {
    fn log(&mut self, log: &JobLog) {
        self.after = self.after.max(log.id);
        if self
            .stage
            .as_ref()
            .is_none_or(|(stage, _)| *stage != log.stage)
        {
            self.end(Some(log.created_at));
            error_line(&format!("==> {}", printable(&log.stage)));
            self.stage = Some((log.stage.clone(), log.created_at));
        }
        if !log.output.is_empty() {
            let mark = match log.log_level {
                LogLevel::Error => "error: ",
                LogLevel::Warn => "warning: ",
                _ => "",
            };
            error_line(&format!("    {mark}{}", printable(&log.output)));
        }
    }

    fn end(&mut self, ended: Option<Timestamp>) {
        if let (Some((_, began)), Some(ended)) = (self.stage.take(), ended)
            && std::io::stderr().is_terminal()
        {
            error_line(&format!("    [{} ms]", (ended - began).num_milliseconds()));
        }
    }

    fn waiting(&mut self, owner: &WithJob) {
        if self.said_waiting || owner.job.status != JobStatus::Pending {
            return;
        }
        self.said_waiting = true;
        if warn_unmatched(&owner.job, owner.matched_provisioners.as_ref()) {
            // The position says nothing while nobody takes the job.
        } else if owner.job.queue_position > 1 {
            error_line(&format!(
                "Waiting, position {} in the queue",
                owner.job.queue_position
            ));
        }
    }
}

/// Says that no daemon can take a job now, and which tags one must have. Answers whether it is so.
pub(crate) fn warn_unmatched(job: &Job, matched: Option<&MatchedProvisioners>) -> bool {
    let warning = matched.and_then(|matched| unmatched(job, matched));
    if let Some(warning) = &warning {
        error_line(&printable(&format!("warning: {warning}")));
    }
    warning.is_some()
}

fn unmatched(job: &Job, matched: &MatchedProvisioners) -> Option<String> {
    let tags: Vec<String> = job
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let tags = tags.join(" ");
    match (matched.count, matched.available) {
        (0, _) => Some(format!(
            "No provisioner daemon can take this job: none has the tags {tags}. It waits until one joins; \
             see those that there are with: coder provisioner list"
        )),
        (count, 0) => Some(format!(
            "No provisioner daemon can take this job now: {count} with the tags {tags} are offline. It \
             waits until one is back; see them with: coder provisioner list --show-offline"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_nobody_can_run_names_its_tags() {
        let job = serde_json::json!({ "status": "pending", "tags": { "gpu": "yes", "owner": "" } });
        let job: Job = serde_json::from_value(job).expect("a job");
        let said = |count, available| unmatched(&job, &MatchedProvisioners { count, available });
        assert!(
            said(0, 0)
                .expect("a warning")
                .contains("none has the tags gpu=yes owner=")
        );
        assert!(
            said(2, 0)
                .expect("a warning")
                .contains("2 with the tags gpu=yes")
        );
        assert_eq!(said(2, 1), None);
    }
}

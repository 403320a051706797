//! Logs of jobs, polled or followed; shared by builds and template versions.

use super::ProvisionerJobLog;
use crate::{
    app_state::AppState,
    http::{
        extract::{Auth, Json},
        follow::{Batch, Source, Then, Upgrade, follow},
    },
};
use async_trait::async_trait;
use axum::response::{IntoResponse as _, Response};
use coder_core::{
    Error, event::Topic, id::ProvisionerJobId, provisioner_job::JobLog, rbac::Subject,
};
use http::header;
use std::fmt::Write as _;

/// Lines read at once while following: what a reader who does not read holds up.
const BATCH: u32 = 64;

/// Which lines are wanted, and how.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Only lines with a smaller id; not together with `follow`.
    before: Option<i64>,
    /// Only lines with a larger id.
    after: Option<i64>,
    /// A WebSocket that carries lines until the job ends.
    #[serde(default)]
    follow: Option<String>,
    /// `json` or `text`; `text` only without `follow`.
    format: Option<String>,
}

impl LogQuery {
    /// Whether a WebSocket is wanted. The bare parameter counts as yes.
    pub(crate) fn follows(&self) -> bool {
        self.follow
            .as_deref()
            .is_some_and(|value| value != "false" && value != "0")
    }

    /// Whether plain text is wanted.
    pub(crate) fn is_text(&self) -> Result<bool, Error> {
        match self.format.as_deref() {
            None | Some("" | "json") => Ok(false),
            Some("text") if !self.follows() => Ok(true),
            Some(_) => {
                let detail = "must be json, or text without follow";
                Err(Error::invalid_field("format", detail))
            }
        }
    }

    /// The ids between which lines are wanted, both left out.
    pub(crate) fn range(&self) -> Result<(i64, Option<i64>), Error> {
        let negative = |field: &str| Error::invalid_field(field, "must not be negative");
        if self.after.is_some_and(|after| after < 0) {
            return Err(negative("after"));
        }
        if self.before.is_some_and(|before| before < 0) {
            return Err(negative("before"));
        }
        if self.follows() && self.before.is_some() {
            return Err(Error::invalid_field(
                "before",
                "cannot be given together with follow",
            ));
        }
        // Ids begin at 1; a bound of 0 is what clients send for none.
        Ok((
            self.after.unwrap_or(0),
            self.before.filter(|&before| before > 0),
        ))
    }
}

/// Reads lines of one job's log for someone who may.
#[async_trait]
pub(crate) trait JobLogs: Send + Sync + 'static {
    /// At most `limit` (0 for all) lines between two ids, and whether more may come.
    async fn read(
        &self,
        subject: &Subject,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<JobLog>, bool), Error>;
}

/// Answers with the lines, or with a WebSocket that carries them.
pub(crate) async fn log_response(
    state: &AppState,
    auth: &Auth,
    upgrade: Upgrade,
    (route, job): (&'static str, ProvisionerJobId),
    query: &LogQuery,
    logs: impl JobLogs,
) -> Result<Response, Error> {
    let (after, before) = query.range()?;
    let text = query.is_text()?;
    if query.follows() {
        // What may not be seen is refused before the upgrade.
        logs.read(auth.subject(), after, None, 1).await?;
        let source = Lines { logs, after };
        return Ok(follow(state, auth, upgrade, route, Topic::Job(job), source));
    }
    let (lines, _) = logs.read(auth.subject(), after, before, 0).await?;
    if text {
        return Ok((
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            plain(&lines),
        )
            .into_response());
    }
    let lines: Vec<_> = lines.into_iter().map(ProvisionerJobLog::from).collect();
    Ok(Json(lines).into_response())
}

fn plain(lines: &[JobLog]) -> String {
    let mut text = String::new();
    for line in lines {
        let time = line
            .created_at
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let JobLog {
            level,
            source,
            stage,
            output,
            ..
        } = line;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{time} [{level}] [{source}|{stage}] {output}");
    }
    text
}

struct Lines<L> {
    logs: L,
    after: i64,
}

#[async_trait]
impl<L: JobLogs> Source for Lines<L> {
    async fn next(&mut self, subject: &Subject) -> Result<Batch, Error> {
        let (lines, active) = self.logs.read(subject, self.after, None, BATCH).await?;
        let full = lines.len() == BATCH as usize;
        self.after = lines.last().map_or(self.after, |line| line.id);
        let messages = lines.into_iter().filter_map(|line| {
            // These plain values always become JSON.
            serde_json::to_string(&ProvisionerJobLog::from(line)).ok()
        });
        Ok(Batch {
            messages: messages.collect(),
            then: match (full, active) {
                (true, _) => Then::More,
                (false, true) => Then::Wait,
                (false, false) => Then::End,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_checked() {
        let query = |text: &str| serde_urlencoded_like(text);
        assert!(query("follow=").follows() && query("follow=true").follows());
        assert!(!query("").follows() && !query("follow=false").follows());
        assert_eq!(query("after=5").range().unwrap(), (5, None));
        assert_eq!(query("before=0").range().unwrap(), (0, None));
        for bad in ["after=-1", "before=-2", "before=3&follow=true"] {
            assert!(query(bad).range().is_err(), "{bad}");
        }
        assert!(query("format=text").is_text().unwrap());
        assert!(query("format=text&follow=1").is_text().is_err());
        assert!(query("format=xml").is_text().is_err());
    }

    fn serde_urlencoded_like(text: &str) -> LogQuery {
        let uri = format!("/?{text}").parse().expect("uri");
        let axum::extract::Query(query) =
            axum::extract::Query::<LogQuery>::try_from_uri(&uri).expect("query");
        query
    }
}

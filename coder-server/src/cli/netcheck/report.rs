//! What was found at each hop.

use crate::cli::{
    error::{CliError, CliResult},
    output::{Format, json, line, printable},
};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// How a hop did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Well.
    Ok,
    /// Well enough to work.
    Warning,
    /// Nothing behind it can be reached.
    Error,
}

/// What a hop did, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    /// It works.
    pub(super) fn ok(detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            detail: detail.into(),
            hint: None,
        }
    }

    /// It works, with something to know.
    pub(super) fn warning(detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::ok(detail)
        }
    }

    /// It does not work.
    pub(super) fn error(detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            ..Self::ok(detail)
        }
    }

    /// Says what to do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    hop: &'static str,
    severity: Severity,
    #[serde(rename = "duration_ms")]
    millis: f64,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The hops in the order in which they were tried.
#[derive(Debug, Default)]
pub(super) struct Report {
    checks: Vec<Check>,
}

impl Report {
    /// Runs a check and keeps what it found. Answers what it made for the next hop, if it worked.
    pub(super) async fn check<T>(
        &mut self,
        hop: &'static str,
        limit: Duration,
        check: impl Future<Output = Result<(Finding, T), Finding>>,
    ) -> Option<T> {
        let begin = Instant::now();
        let done = tokio::time::timeout(limit, check).await;
        let (finding, made) = match done {
            Ok(Ok((finding, made))) => (finding, Some(made)),
            Ok(Err(finding)) => (finding, None),
            Err(_) => (Finding::error(format!("no answer within {limit:?}")), None),
        };
        self.checks.push(Check {
            hop,
            severity: finding.severity,
            millis: begin.elapsed().as_secs_f64() * 1_000.0,
            detail: finding.detail,
            hint: finding.hint,
        });
        made
    }

    /// Prints it. An error when a hop failed, whose name it has.
    pub(super) fn print(&self, url: &str, format: Format) -> CliResult {
        let failed = self.failed();
        match format {
            Format::Json => json(&serde_json::json!({
                "url": url,
                "healthy": failed.is_none(),
                "failed_hop": failed.map(|check| check.hop),
                "checks": self.checks,
            }))?,
            Format::Table => self.table()?,
        }
        match failed {
            Some(check) => Err(match format {
                Format::Json => CliError::silent(1),
                Format::Table => CliError::new(format!(
                    "{url} cannot be used from here: the hop that fails is {:?}",
                    check.hop
                )),
            }),
            None => Ok(()),
        }
    }

    fn failed(&self) -> Option<&Check> {
        self.checks
            .iter()
            .find(|check| check.severity == Severity::Error)
    }

    fn table(&self) -> CliResult {
        let width = self.checks.iter().map(|check| check.hop.len()).max();
        let width = width.unwrap_or_default();
        for check in &self.checks {
            let mark = match check.severity {
                Severity::Ok => "ok",
                Severity::Warning => "warning",
                Severity::Error => "FAILED",
            };
            let detail = printable(&check.detail);
            line(&format!(
                "{:width$}  {mark:<7}  {:>8.1} ms  {detail}",
                check.hop, check.millis
            ))?;
            if let Some(hint) = &check.hint {
                let indent = width + 2 + 7 + 2;
                line(&format!("{:indent$}{}", "", printable(hint)))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_hop_that_fails_is_named() {
        let mut report = Report::default();
        let second = Duration::from_secs(1);
        let made = report
            .check("name", second, async { Ok((Finding::ok("fine"), 7)) })
            .await;
        assert_eq!(made, Some(7));
        let made: Option<()> = report.check("tcp", second, std::future::pending()).await;
        assert_eq!(made, None);
        let last: Option<()> = report
            .check("tls", second, async { Err(Finding::error("no")) })
            .await;
        assert_eq!(last, None);
        let failed = report.failed().expect("one failed");
        assert_eq!(
            (failed.hop, &*failed.detail),
            ("tcp", "no answer within 1s")
        );
    }
}

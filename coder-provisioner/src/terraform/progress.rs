//! What a line of Terraform's output means.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use coder_core::provisioner_job::LogLevel;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lines::STATE_DUMP;
use super::process::Stream;
use crate::protocol::Log;

/// A line of output, understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Lines for the build log.
    pub(super) logs: Vec<Log>,
    /// The summary of an error, without its details.
    pub(super) error: Option<String>,
    /// A step on a resource that began or ended.
    pub(super) hook: Option<Hook>,
    /// Planning has ended well.
    pub(super) planned: bool,
    /// The state, when Terraform can write it nowhere.
    pub(super) state: Option<Bytes>,
}

/// A step on a resource that began or ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hook {
    pub(super) phase: Phase,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) source: String,
    pub(super) at: Option<DateTime<Utc>>,
}

/// Where in a step a [`Hook`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Start,
    Complete,
    Errored,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "@level")]
    level: String,
    #[serde(rename = "@message")]
    message: String,
    #[serde(rename = "@timestamp")]
    timestamp: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    diagnostic: Option<Diagnostic>,
    hook: Option<RawHook>,
    changes: Option<Changes>,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    operation: String,
}

#[derive(Deserialize)]
struct RawHook {
    resource: RawResource,
    action: Option<String>,
    provisioner: Option<String>,
}

#[derive(Deserialize)]
struct RawResource {
    addr: String,
    #[serde(default)]
    implied_provider: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    address: Option<String>,
    range: Option<Range>,
    snippet: Option<Snippet>,
}

#[derive(Deserialize)]
struct Range {
    filename: String,
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    line: u64,
}

#[derive(Deserialize)]
struct Snippet {
    context: Option<String>,
    code: String,
    start_line: u64,
}

/// The warning of every `init` that takes a provider from a mirror or a cache, as ours always does. The lock
/// file stays with the build, which runs on this platform only.
const INCOMPLETE_LOCK: &str = "Incomplete lock file information for providers";

/// Understands a line. Text that is not Terraform's JSON is passed on as it is: as information
/// from the standard output, as an error from the other stream.
pub(super) fn read(stream: Stream, text: &str) -> Progress {
    // It holds secrets: it must not get into the log.
    if stream == Stream::Stdout && text.starts_with(STATE_DUMP) {
        return dumped(text);
    }
    let Ok(line) = serde_json::from_str::<Line>(text) else {
        let level = match stream {
            Stream::Stdout => LogLevel::Info,
            Stream::Stderr => LogLevel::Error,
        };
        let blank = text.trim().is_empty();
        let logs = if blank {
            Vec::new()
        } else {
            vec![Log::new(level, strip_colours(text))]
        };
        return Progress {
            logs,
            ..Progress::default()
        };
    };
    let level = match line.level.as_str() {
        // Terraform's own trace: too much even for those who debug a template.
        "trace" => return Progress::default(),
        "debug" => LogLevel::Debug,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        // What Terraform logs about itself, as opposed to what it tells its user.
        _ if stream == Stream::Stderr => LogLevel::Debug,
        _ => LogLevel::Info,
    };
    if let Some(diagnostic) = &line.diagnostic {
        if diagnostic.summary == INCOMPLETE_LOCK {
            return Progress::default();
        }
        return diagnosed(diagnostic);
    }
    let hook = line
        .hook
        .and_then(|hook| read_hook(line.kind.as_deref()?, hook, line.timestamp));
    let planned = line.kind.as_deref() == Some("change_summary")
        && line
            .changes
            .is_some_and(|changes| changes.operation == "plan");
    Progress {
        logs: split(level, &line.message),
        error: None,
        hook,
        planned,
        state: None,
    }
}

/// Takes the state out of the line, byte by byte as it is there.
fn dumped(text: &str) -> Progress {
    let state = text.split_once(r#","state":"#).and_then(|(_, rest)| {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        rest.as_bytes().get(..values.byte_offset())
    });
    let note = "Terraform could not write the state to disk and handed it over";
    Progress {
        logs: split(LogLevel::Warn, note),
        state: state.map(Bytes::copy_from_slice),
        ..Progress::default()
    }
}

fn diagnosed(diagnostic: &Diagnostic) -> Progress {
    let (level, title) = match diagnostic.severity.as_str() {
        "warning" => (LogLevel::Warn, "Warning"),
        _ => (LogLevel::Error, "Error"),
    };
    let mut text = format!("{title}: {}", diagnostic.summary);
    if let Some(address) = &diagnostic.address {
        text.push_str(&format!("\n  with {address},"));
    }
    if let Some(range) = &diagnostic.range {
        text.push_str(&format!(
            "\n  on {} line {}",
            range.filename, range.start.line
        ));
        let context = diagnostic
            .snippet
            .as_ref()
            .and_then(|snippet| snippet.context.as_ref());
        text.push_str(
            &context
                .map(|context| format!(", in {context}"))
                .unwrap_or_default(),
        );
        text.push(':');
    }
    if let Some(snippet) = &diagnostic.snippet {
        for (number, code) in (snippet.start_line..).zip(snippet.code.lines()) {
            text.push_str(&format!("\n  {number:>3}: {code}"));
        }
    }
    if !diagnostic.detail.is_empty() {
        text.push('\n');
        text.push_str(&diagnostic.detail);
    }
    let summary = diagnostic.summary.lines().next().unwrap_or_default();
    let error = (level == LogLevel::Error).then(|| match &diagnostic.range {
        Some(range) => format!("{} line {}: {summary}", range.filename, range.start.line),
        None => summary.to_owned(),
    });
    Progress {
        logs: split(level, &text),
        error,
        ..Progress::default()
    }
}

fn read_hook(kind: &str, hook: RawHook, timestamp: Option<String>) -> Option<Hook> {
    let (step, phase) = kind.rsplit_once('_')?;
    let phase = match phase {
        "start" => Phase::Start,
        "complete" => Phase::Complete,
        "errored" => Phase::Errored,
        _ => return None,
    };
    let action = match step {
        "provision" => hook.provisioner.unwrap_or_else(|| "provision".to_owned()),
        "refresh" => "read".to_owned(),
        _ => hook.action?,
    };
    let at = timestamp.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    Some(Hook {
        phase,
        action,
        resource: hook.resource.addr,
        source: hook.resource.implied_provider,
        at: at.map(|at| at.to_utc()),
    })
}

fn split(level: LogLevel, text: &str) -> Vec<Log> {
    text.lines().map(|line| Log::new(level, line)).collect()
}

/// Takes out the terminal's colour sequences that some commands print in spite of everything.
fn strip_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after
            .split_once(|last: char| last.is_ascii_alphabetic())
            .map_or("", |(_, end)| end);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(progress: &Progress) -> Vec<&str> {
        progress
            .logs
            .iter()
            .map(|log| log.output.as_str())
            .collect()
    }

    #[test]
    fn the_warning_about_our_own_mirror_is_not_shown() {
        let text = r#"{"@level":"warn","@message":"Warning: Incomplete lock file information for providers","diagnostic":{"severity":"warning","summary":"Incomplete lock file information for providers","detail":"To calculate…"},"type":"diagnostic"}"#;
        assert_eq!(read(Stream::Stdout, text).logs, []);
        let other = text.replace("Incomplete", "Strange");
        assert!(!read(Stream::Stdout, &other).logs.is_empty());
    }

    // Covers R9 and T51.
    #[test]
    fn a_dumped_state_is_taken_as_it_is_and_not_logged() {
        let state = r#"{"version":4,"serial":5,"outputs":{"a":{"value":12345678901234567890.5}},"secret":"}\"x"}"#;
        for tail in [r#"}"#, r#","type":"state_dump"}"#] {
            let text = format!(
                r#"{STATE_DUMP},"@module":"terraform.ui","@timestamp":"2026-11-23T22:16:36.758529Z","state":{state}{tail}"#
            );
            let progress = read(Stream::Stdout, &text);
            assert_eq!(progress.state.as_deref(), Some(state.as_bytes()));
            assert!(!format!("{:?}", progress.logs).contains("secret"));
            let cut = read(Stream::Stdout, text.get(..text.len() - 30).unwrap());
            assert_eq!(cut.state, None);
            assert!(!format!("{:?}", cut.logs).contains("secret"));
        }
    }

    #[test]
    fn a_diagnostic_names_file_line_and_message() {
        let text = r#"{"@level":"error","@message":"Error: Missing newline after argument","@module":"terraform.ui","@timestamp":"2026-11-23T15:28:41.619636Z","diagnostic":{"severity":"error","summary":"Missing newline after argument","detail":"An argument definition must end with a newline.","range":{"filename":"m/main.tf","start":{"line":4,"column":15,"byte":73},"end":{"line":4,"column":16,"byte":74}},"snippet":{"context":"resource \"terraform_data\" \"c\"","code":"input = var.i }","start_line":4,"highlight_start_offset":14,"highlight_end_offset":15,"values":[]}},"type":"diagnostic"}"#;
        let progress = read(Stream::Stdout, text);
        assert_eq!(
            outputs(&progress),
            [
                "Error: Missing newline after argument",
                "  on m/main.tf line 4, in resource \"terraform_data\" \"c\":",
                "    4: input = var.i }",
                "An argument definition must end with a newline.",
            ]
        );
        assert!(progress.logs.iter().all(|log| log.level == LogLevel::Error));
        assert_eq!(
            progress.error.as_deref(),
            Some("m/main.tf line 4: Missing newline after argument")
        );
    }

    #[test]
    fn hooks_give_the_begin_and_the_end_of_steps() {
        let line = |kind: &str, action: &str| {
            format!(
                r#"{{"@level":"info","@message":"a: Creating...","@timestamp":"2026-11-23T15:28:53.717109Z","hook":{{"resource":{{"addr":"terraform_data.a","implied_provider":"terraform"}},{action}}},"type":"{kind}"}}"#
            )
        };
        let hook = |kind, action| read(Stream::Stdout, &line(kind, action)).hook;
        let start = hook("apply_start", r#""action":"create""#).unwrap();
        assert_eq!(
            (start.phase, start.action.as_str()),
            (Phase::Start, "create")
        );
        assert_eq!(
            (start.resource.as_str(), start.source.as_str()),
            ("terraform_data.a", "terraform")
        );
        assert!(start.at.is_some());
        let done = hook("provision_complete", r#""provisioner":"local-exec""#).unwrap();
        assert_eq!(
            (done.phase, done.action.as_str()),
            (Phase::Complete, "local-exec")
        );
        assert_eq!(
            hook("refresh_start", r#""id_key":"id""#).unwrap().action,
            "read"
        );
        assert_eq!(hook("apply_progress", r#""action":"create""#), None);
    }

    #[test]
    fn terraforms_own_log_is_lowered_and_its_trace_dropped() {
        let own = |level: &str| format!(r#"{{"@level":"{level}","@message":"backend/local"}}"#);
        assert_eq!(
            read(Stream::Stderr, &own("info")).logs[0].level,
            LogLevel::Debug
        );
        assert_eq!(read(Stream::Stderr, &own("trace")), Progress::default());
        assert_eq!(
            read(Stream::Stdout, &own("info")).logs[0].level,
            LogLevel::Info
        );
    }

    #[test]
    fn text_that_is_not_json_is_passed_on() {
        let progress = read(Stream::Stderr, "\u{1b}[31m╷\u{1b}[0m panic: oh");
        assert_eq!(progress.logs, [Log::new(LogLevel::Error, "╷ panic: oh")]);
        assert_eq!(read(Stream::Stdout, "plain").logs[0].level, LogLevel::Info);
        assert_eq!(read(Stream::Stdout, "  ").logs, []);
        let deep = "[".repeat(100_000);
        assert_eq!(read(Stream::Stdout, &deep).logs.len(), 1);
    }
}

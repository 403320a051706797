//! What is said about start scripts that went wrong.

use crate::cli::{
    client::Client,
    output::printable,
    types::{Agent, AgentLog, Script},
};
use coder_core::{provisioner_job::LogLevel, workspace_agent::LifecycleState};
use std::time::Duration;
use tokio::time::timeout;

/// Lines of standard error that are shown of a script.
const LINES: usize = 5;
/// How long the log may take to come; without it the warning is shorter.
const LOG_TIMEOUT: Duration = Duration::from_secs(3);

/// A warning for each start script that failed, with its last lines of standard error.
pub(super) async fn failed_scripts(client: &Client, agent: &Agent) -> Vec<String> {
    let general = match agent.lifecycle_state {
        LifecycleState::StartError => "warning: a start script failed, see: coder logs",
        LifecycleState::StartTimeout => "warning: a start script took too long, see: coder logs",
        _ => return Vec::new(),
    };
    let failed: Vec<(&Script, String)> = agent
        .scripts
        .iter()
        .filter_map(|script| Some((script, what_happened(script)?)))
        .collect();
    if failed.is_empty() {
        return vec![general.to_owned()];
    }
    let path = format!("api/v2/workspaceagents/{}/logs", agent.id);
    let logs = timeout(LOG_TIMEOUT, client.get::<Vec<AgentLog>>(&path)).await;
    let logs = logs.ok().and_then(Result::ok).unwrap_or_default();
    let warnings = failed.iter().map(|(script, what)| {
        let mut warning = format!("warning: the start script {what}");
        for line in last_errors(&logs, &script.log_source_id) {
            warning.push_str(&format!("\n    {}", printable(line)));
        }
        warning
    });
    warnings.collect()
}

/// Name and end of a start script that went wrong.
fn what_happened(script: &Script) -> Option<String> {
    if !script.run_on_start {
        return None;
    }
    let name = match script.display_name.as_str() {
        "" => "without a name".to_owned(),
        name => format!("{:?}", printable(name)),
    };
    match (script.status.as_deref()?, script.exit_code) {
        ("timed_out", _) => Some(format!("{name} took too long")),
        ("exit_failure", Some(code)) => Some(format!("{name} ended with {code}")),
        ("exit_failure", None) => Some(format!("{name} failed")),
        _ => None,
    }
}

fn last_errors<'a>(logs: &'a [AgentLog], source: &str) -> Vec<&'a str> {
    let errors = logs
        .iter()
        .rev()
        .filter(|log| log.source_id == source && log.level == LogLevel::Error)
        .map(|log| log.output.as_str());
    let mut errors: Vec<&str> = errors.take(LINES).collect();
    errors.reverse();
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(status: &str, exit_code: Option<i32>) -> Script {
        let value = serde_json::json!({
            "display_name": "Install", "log_source_id": "s", "run_on_start": true,
            "start_blocks_login": true, "status": status, "exit_code": exit_code,
        });
        serde_json::from_value(value).expect("a script")
    }

    #[test]
    fn failures_are_told_with_name_and_code() {
        for (status, code, expected) in [
            ("exit_failure", Some(3), Some("\"Install\" ended with 3")),
            ("timed_out", Some(255), Some("\"Install\" took too long")),
            ("ok", Some(0), None),
            ("pipes_left_open", Some(0), None),
        ] {
            let said = what_happened(&script(status, code));
            assert_eq!(said.as_deref(), expected, "{status}");
        }
    }

    #[test]
    fn the_last_errors_of_the_script_are_shown() {
        let log = |source: &str, level: LogLevel, number: usize| AgentLog {
            id: 0,
            level,
            output: number.to_string(),
            source_id: source.to_owned(),
        };
        let mut logs: Vec<AgentLog> = (0..9).map(|n| log("s", LogLevel::Error, n)).collect();
        logs.push(log("s", LogLevel::Info, 10));
        logs.push(log("other", LogLevel::Error, 11));
        assert_eq!(last_errors(&logs, "s"), ["4", "5", "6", "7", "8"]);
    }
}

//! What is said about start scripts that went wrong.

use crate::cli::{
    output::printable,
    types::{Agent, Script},
};
use coder_core::workspace_agent::LifecycleState;

/// A warning for each start script of an agent that failed, with the last that it printed.
pub(super) fn failed_scripts(agent: &Agent) -> Vec<String> {
    let how = match agent.lifecycle_state {
        LifecycleState::StartError => "failed",
        LifecycleState::StartTimeout => "took too long",
        _ => return Vec::new(),
    };
    let failed = agent.scripts.iter().filter_map(failure);
    let mut warnings: Vec<_> = failed.map(|text| format!("warning: {text}")).collect();
    if warnings.is_empty() {
        warnings.push(format!("warning: a start script {how}, see: coder logs"));
    }
    warnings
}

/// What to say of a start script that did not end well.
fn failure(script: &Script) -> Option<String> {
    let how = match (script.status.as_deref()?, script.exit_code) {
        _ if !script.run_on_start => return None,
        ("exit_failure", Some(code)) => format!("failed with exit code {code}"),
        ("exit_failure", None) => "failed".to_owned(),
        ("timed_out", _) => "took too long".to_owned(),
        _ => return None,
    };
    let name = printable(&script.display_name);
    let lines = script.last_lines.lines();
    let lines: String = lines
        .map(|line| format!("\n  {}", printable(line)))
        .collect();
    let end = if lines.is_empty() { "." } else { ":" };
    Some(format!("the start script {name:?} {how}{end}{lines}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(status: &str, exit_code: i32, last_lines: &str) -> Script {
        Script {
            display_name: "Set up".to_owned(),
            run_on_start: true,
            start_blocks_login: false,
            exit_code: Some(exit_code),
            status: Some(status.to_owned()),
            last_lines: last_lines.to_owned(),
        }
    }

    #[test]
    fn failures_are_named_with_their_last_lines() {
        assert_eq!(failure(&script("ok", 0, "")), None);
        assert_eq!(failure(&script("pipes_left_open", 0, "")), None);
        assert_eq!(
            failure(&script("exit_failure", 7, "")).as_deref(),
            Some("the start script \"Set up\" failed with exit code 7.")
        );
        assert_eq!(
            failure(&script("exit_failure", 7, "one\n\u{1b}[2Jtwo")).as_deref(),
            Some("the start script \"Set up\" failed with exit code 7:\n  one\n  \u{fffd}[2Jtwo")
        );
        assert_eq!(
            failure(&script("timed_out", 255, "still here")).as_deref(),
            Some("the start script \"Set up\" took too long:\n  still here")
        );
        let at_stop = Script {
            run_on_start: false,
            ..script("exit_failure", 1, "")
        };
        assert_eq!(failure(&at_stop), None);
    }
}

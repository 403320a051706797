//! Scripts of a real workspace: failures that are told, schedules, stop scripts, logs of earlier builds, killed agents.

use super::require;
use coder_tests::{Deployment, wait_for};
use std::{fs, path::PathBuf, time::Duration};

const AGENT: Duration = Duration::from_secs(60);

/// The local template.
pub(crate) fn local_template() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/templates/local/main.tf"
    );
    fs::read_to_string(path).expect("the example")
}

/// A `coder_script`.
pub(crate) fn script(name: &str, when: &str, text: &str) -> String {
    format!(
        "resource \"coder_script\" \"{name}\" {{
  agent_id     = coder_agent.main.id
  display_name = \"{name}\"
  {when}
  script = <<-EOT
    {text}
  EOT
}}
"
    )
}

/// The local template, with an agent that is started again when it is killed, and more scripts.
fn push_template(deployment: &Deployment) {
    let template = local_template();
    let once = "setsid sh .agent.sh > .agent.log 2>&1 < /dev/null &";
    let again = "setsid sh -c 'trap : TERM; while :; do sh .agent.sh && exit; done' > .agent.log 2>&1 < /dev/null &";
    assert!(template.contains(once));
    let template = template.replace(once, again);
    let home = "~/.coder-local/admin/dev";
    let scripts = [
        (
            "once",
            "run_on_start = true",
            format!("echo begun >> {home}/once; echo 'no such thing' >&2; exit 3"),
        ),
        (
            "tick",
            "cron = \"* * * * * *\"",
            format!("echo tick >> {home}/ticks"),
        ),
        (
            "farewell",
            "run_on_stop = true",
            format!(
                "echo farewell; sleep 1; test -e {home}/.agent.pid && echo whole >> {home}/farewell"
            ),
        ),
    ];
    let scripts = scripts.map(|(name, when, text)| script(name, when, &text));
    let template = format!("{template}\n{}", scripts.concat());
    let outcome = deployment.push("local", &template);
    drop(outcome.expect_success("push"));
}

fn file(deployment: &Deployment, name: &str) -> PathBuf {
    deployment.home().join(".coder-local/admin/dev").join(name)
}

fn text(deployment: &Deployment, name: &str) -> String {
    fs::read_to_string(file(deployment, name)).unwrap_or_default()
}

#[test]
fn scripts_live_through_kills_and_stops() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    if require("setsid").is_none() {
        return;
    }
    push_template(&deployment);
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    let outcome = deployment.coder(&["ssh", "--wait", "yes", "dev", "true"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let warning = "the start script \"once\" failed with exit code 3:\n  no such thing";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
    wait_for("ticks", AGENT, || {
        (text(&deployment, "ticks").lines().count() > 2).then_some(())
    });

    // Killed, the agent comes back and begins nothing again.
    let agents = deployment.processes().into_iter();
    let agents: Vec<_> = agents
        .filter(|(_, command)| command.contains("/coder agent"))
        .collect();
    assert!(!agents.is_empty(), "{:?}", deployment.processes());
    for (pid, _) in &agents {
        let pid = i32::try_from(*pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let _ =
            rustix::process::kill_process(pid.expect("a process"), rustix::process::Signal::KILL);
    }
    let before = text(&deployment, "ticks").lines().count();
    wait_for("it goes on", AGENT, || {
        (text(&deployment, "ticks").lines().count() > before + 1).then_some(())
    });
    assert_eq!(text(&deployment, "once"), "begun\n");

    // The stop script runs while the machine is whole, and its output is kept.
    deployment.must(&["stop", "dev", "--yes"]);
    assert_eq!(text(&deployment, "farewell"), "whole\n");
    let timings = |number: u32| {
        let path = format!("/api/v2/users/me/workspace/dev/builds/{number}");
        let (_, build) = deployment.api("GET", &path, None);
        let build = build["id"].as_str().expect("a build").to_owned();
        let (_, timings) = deployment.api(
            "GET",
            &format!("/api/v2/workspacebuilds/{build}/timings"),
            None,
        );
        timings["agent_script_timings"]
            .as_array()
            .expect("timings")
            .clone()
    };
    let stages = |name: &str| {
        let timings = timings(1);
        let found = timings.iter().filter(|one| one["display_name"] == name);
        found
            .map(|one| one["stage"].as_str().expect("a stage").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(stages("once"), ["start"]);
    assert_eq!(stages("farewell"), ["stop"]);
    let ticks = stages("tick").len();
    assert!(
        (3..=10).contains(&ticks),
        "the newest runs are kept: {ticks}"
    );

    deployment.must(&["start", "dev", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    wait_for("the second start", AGENT, || {
        (text(&deployment, "once").lines().count() == 2).then_some(())
    });
    let logs = deployment.must(&["logs", "dev", "-n", "1"]);
    for line in ["no such thing", "farewell"] {
        assert!(logs.contains(line), "{line} is missing:\n{logs}");
    }
    deployment.must(&["delete", "dev", "--yes"]);
}

/// A field of the server's `/proc/<pid>/status` in KiB.
pub(crate) fn memory(deployment: &Deployment, field: &str) -> u64 {
    let path = format!("/proc/{}/status", deployment.server_pid());
    let status = fs::read_to_string(path).expect("the server runs");
    let line = status
        .lines()
        .find(|line| line.starts_with(field))
        .expect("the field");
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse().expect("a number")
}

#[test]
fn a_flood_of_output_harms_nobody() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "calm", "--template", "local", "--yes"]);
    let flood = "echo first; yes 0123456789 | head -c 100000000; head -c 10000000 /dev/zero | tr '\\0' x; echo; \
                 head -c 1000000 /dev/urandom; echo; echo last";
    let template = format!(
        "{}\n{}",
        local_template(),
        script("flood", "run_on_start = true", flood)
    );
    drop(deployment.push("flood", &template).expect_success("push"));
    let before = memory(&deployment, "VmRSS:");
    // The peak is counted anew.
    fs::write(format!("/proc/{}/clear_refs", deployment.server_pid()), "5").expect("reset");
    let began = std::time::Instant::now();
    deployment.must(&["create", "dev", "--template", "flood", "--yes"]);
    let outcome = deployment.coder(&["ssh", "--wait", "yes", "dev", "echo", "there"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, "there\n"),
        "{}",
        outcome.stderr
    );
    let took = began.elapsed();
    let grown = memory(&deployment, "VmHWM:").saturating_sub(before);
    eprintln!(
        "111 MB of output: ready after {took:?}, the server grew by {} MiB",
        grown / 1_024
    );
    assert!(grown <= 32 * 1_024, "the server grew by {grown} KiB");
    let logs = deployment.must(&["logs", "dev"]);
    let lines: Vec<_> = logs
        .lines()
        .filter(|line| line.contains("agent.main"))
        .collect();
    let position = |text: &str| lines.iter().position(|line| line.ends_with(text));
    let order = [
        ": first",
        "when the workspace stops.",
        "are left out here.",
        ": last",
    ]
    .map(position);
    assert!(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "{order:?}"
    );
    assert!(logs.len() < 3 << 20, "{}", logs.len());
}

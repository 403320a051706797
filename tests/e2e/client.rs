//! What the command line says and does around connections.

use coder_tests::{Deployment, Outcome, wait_for};
use serde_json::Value;
use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

/// The local template with one more script.
fn with_script(attributes: &str) -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/templates/local/main.tf"
    );
    let text = fs::read_to_string(path).expect("the example");
    format!(
        "{text}\nresource \"coder_script\" \"extra\" {{\n  agent_id = coder_agent.main.id\n{attributes}\n}}\n"
    )
}

fn created(deployment: &Deployment, attributes: &str) {
    let pushed = deployment.push("scripted", &with_script(attributes));
    drop(pushed.expect_success("templates push"));
    deployment.must(&["create", "dev", "--template", "scripted", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
}

#[test]
fn start_scripts_are_waited_for_and_their_failure_is_told() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let go = deployment.folder().join("go");
    created(
        &deployment,
        &format!(
            r#"
  display_name       = "Install tools"
  run_on_start       = true
  start_blocks_login = true
  script             = <<-EOT
    echo installing
    while [ ! -e {} ]; do sleep 0.1; done
    for n in 1 2 3 4 5 6 7; do echo "problem $n" >&2; done
    exit 3
  EOT
"#,
            go.display()
        ),
    );
    // Whoever does not want to wait does not.
    assert_eq!(
        deployment.must(&["ssh", "--wait", "no", "dev", "echo in"]),
        "in\n"
    );
    let log = deployment.folder().join("waiting");
    let mut waiting = deployment.command();
    waiting
        .args(["ssh", "dev", "echo in"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).expect("a log"));
    let waiting = waiting.spawn().expect("it starts");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    wait_for("the script's output", MINUTE, || {
        said().contains("installing").then_some(())
    });
    fs::write(&go, "").expect("written");
    let outcome = Outcome::of(waiting.wait_with_output());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "in\n"));
    let said = said();
    assert!(
        said.contains("warning: the start script \"Install tools\" failed with exit code 3:"),
        "{said}"
    );
    let last = said.rsplit("exit code 3:").next().expect("a part");
    let lines: Vec<&str> = last
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let expected: Vec<String> = (1..=7).map(|number| format!("problem {number}")).collect();
    assert_eq!(lines, expected);
    let logs = deployment.must(&["logs", "-f", "dev"]);
    assert!(logs.contains("agent.main: problem 7"), "{logs}");
    assert_eq!(deployment.must(&["logs", "-n", "1", "dev"]), logs);
    assert_eq!(deployment.coder(&["logs", "-n", "9", "dev"]).code, 1);
}

#[test]
fn the_editors_proxy_command_works_and_keeps_its_file() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    if super::require("ssh").is_none() {
        return;
    }
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    let folder = deployment.folder();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let url = write("url", &deployment.url());
    let token = write("token", &deployment.token());
    let info = folder.join("info");
    let proxy = format!(
        "ProxyCommand={} vscodessh --network-info-dir {} --network-info-interval 100ms \
         --session-token-file {} --url-file {} %h",
        env!("CARGO_BIN_EXE_coder-under-test"),
        info.display(),
        token.display(),
        url.display()
    );
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "/dev/null", "-o", &proxy])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ])
        .args([
            "coder-vscode.example.com--admin--dev.main",
            "head -c 1000000 /dev/zero; read line; echo $line",
        ])
        .env("HOME", deployment.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut ssh = ssh.spawn().expect("ssh starts");
    let file = info.join(format!("{}.json", ssh.id()));
    let read = || -> Option<Value> { serde_json::from_slice(&fs::read(&file).ok()?).ok() };
    let seen = wait_for("the file and its bytes", MINUTE, || {
        read().filter(|report| report["download_bytes_sec"].as_u64() > Some(0))
    });
    assert_eq!(seen["p2p"], false, "{seen}");
    assert!(
        seen["latency"].as_f64().is_some_and(|millis| millis > 0.0),
        "{seen}"
    );
    drop(ssh.stdin.take());
    let outcome = Outcome::of(ssh.wait_with_output());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.len() > 1_000_000);
    wait_for("the file to go", MINUTE, || (!file.exists()).then_some(()));
}

#[test]
fn small_verbs_do_what_they_say() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    deployment.must(&["favorite", "dev"]);
    let favorite = || {
        let (_, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
        workspace["favorite"].clone()
    };
    assert_eq!(favorite(), true);
    deployment.must(&["unfavorite", "dev"]);
    assert_eq!(favorite(), false);
    let address = deployment.must(&["open", "vscode", "--print", "dev", "src"]);
    assert!(
        address.starts_with(
            "vscode://coder.coder-remote/open?owner=admin&workspace=dev&agent=main&url=http"
        ),
        "{address}"
    );
    assert!(!address.contains(&deployment.token()));

    let token = deployment.must(&["tokens", "create", "--name", "ci", "--lifetime", "1h"]);
    let token = token.trim();
    let with_token = || {
        let mut command = deployment.command();
        Outcome::of(
            command
                .env("CODER_SESSION_TOKEN", token)
                .arg("whoami")
                .output(),
        )
    };
    assert!(with_token().expect_success("whoami").contains("admin"));
    let listed = deployment.must(&["tokens", "list"]);
    assert!(listed.contains("ci") && !listed.contains(token), "{listed}");
    // By its text; by its name works as well.
    deployment.must(&["tokens", "remove", token]);
    assert_eq!(with_token().code, 1);
    deployment.must(&["tokens", "remove", "--delete", "ci"]);
    let gone = deployment.coder(&["tokens", "remove", "ci"]);
    assert!(gone.stderr.contains("no such token"), "{}", gone.stderr);

    let measured = deployment.must(&["speedtest", "dev", "-t", "1s"]);
    let lines: Vec<&str> = measured.lines().collect();
    assert!(lines[0].starts_with("INTERVAL"), "{measured}");
    assert!(lines[1].starts_with("0.00-"), "{measured}");
    let total = lines.last().expect("a total");
    assert!(total.starts_with("total 0.00-1."), "{measured}");
    let upwards = ["--direction", "up", "-t", "1s", "-o", "json"];
    let measured = deployment.must(&[&["speedtest", "dev"], &upwards[..]].concat());
    let measured: Value = serde_json::from_str(&measured).expect("JSON");
    let speed = measured["overall"]["throughput_mbits"].as_f64();
    assert!(speed > Some(1.0), "{measured}");
    let intervals = measured["intervals"].as_array().expect("a list");
    assert!(intervals.iter().all(|one| one["end_time_seconds"].is_f64()) && !intervals.is_empty());

    let logs = deployment.folder().join("ssh-logs");
    let folder = logs.to_str().expect("UTF-8");
    deployment.must(&[
        "ssh",
        "--log-dir",
        folder,
        "-e",
        "COLOUR=blue",
        "dev",
        "test $COLOUR = blue",
    ]);
    let log = fs::read_dir(&logs)
        .expect("made")
        .flatten()
        .next()
        .expect("a log");
    let text = fs::read_to_string(log.path()).expect("text");
    assert!(
        text.contains("connected") && !text.contains(&deployment.token()),
        "{text}"
    );
}

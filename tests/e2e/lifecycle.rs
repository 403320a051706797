//! The life of a workspace, by command line and by a stock OpenSSH client.

use coder_tests::{Deployment, Outcome, wait_for};
use std::{path::PathBuf, process::Command, time::Duration};

const AGENT: Duration = Duration::from_secs(60);

/// The folder that the local template keeps for a workspace.
fn workspace_home(deployment: &Deployment, name: &str) -> PathBuf {
    deployment.home().join(".coder-local/admin").join(name)
}

/// The agent's process group, if it runs.
fn agent_pid(deployment: &Deployment, name: &str) -> Option<u32> {
    let file = workspace_home(deployment, name).join(".agent.pid");
    let pid: u32 = std::fs::read_to_string(file).ok()?.trim().parse().ok()?;
    std::path::Path::new("/proc")
        .join(pid.to_string())
        .exists()
        .then_some(pid)
}

#[test]
fn a_workspace_is_created_reached_stopped_started_and_deleted() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&[
        "create",
        "dev",
        "--template",
        "local",
        "--parameter",
        "greeting=Ahoy",
        "--yes",
    ]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    assert!(
        agent_pid(&deployment, "dev").is_some(),
        "the agent is a local process"
    );

    let outcome = deployment.coder(&[
        "ssh",
        "--wait",
        "yes",
        "dev",
        "echo out; echo err >&2; exit 7",
    ]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (7, "out\n"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("err"));
    let environment = deployment.must(&[
        "ssh",
        "dev",
        "echo $CODER_WORKSPACE_NAME $GREETING; coder stat cpu",
    ]);
    assert!(
        environment.starts_with("dev Ahoy\n") && environment.contains("cores"),
        "{environment}"
    );
    let logs = deployment.must(&["logs", "dev"]);
    assert!(
        logs.contains("Ahoy from dev"),
        "the start script's output is kept:\n{logs}"
    );

    deployment.must(&["stop", "dev", "--yes"]);
    wait_for("the agent to end", Duration::from_secs(20), || {
        agent_pid(&deployment, "dev").is_none().then_some(())
    });
    assert!(
        workspace_home(&deployment, "dev").is_dir(),
        "the persistent folder stays"
    );
    let shown = deployment.must(&["show", "dev"]);
    assert!(
        shown.contains("terraform_data.home") && !shown.contains("agent "),
        "{shown}"
    );

    deployment.must(&["start", "dev", "--yes"]);
    assert_eq!(
        deployment.must(&["ssh", "dev", "cat ~/.coder-local/admin/dev/README.md"]),
        "# dev\n"
    );
    deployment.must(&["delete", "dev", "--yes"]);
    assert!(
        !workspace_home(&deployment, "dev").exists(),
        "nothing remains"
    );
    assert_eq!(deployment.coder(&["show", "dev"]).code, 1);

    assert!(
        deployment.stop_server(Duration::from_secs(30)),
        "the server ends well"
    );
    let left = deployment.processes();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn a_stock_openssh_client_reaches_workspaces_by_name() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    if super::require("ssh").is_none() {
        return;
    }
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    let config = deployment.folder().join("ssh_config");
    let config_text = config.to_str().expect("UTF-8");
    deployment.must(&["config-ssh", "--yes", "--ssh-config-file", config_text]);
    let before = std::fs::read_to_string(&config).expect("written");
    deployment.must(&["config-ssh", "--yes", "--ssh-config-file", config_text]);
    assert_eq!(
        before,
        std::fs::read_to_string(&config).expect("there"),
        "idempotent"
    );

    let ssh = |host: &str, command: &str| {
        let output = Command::new("ssh")
            .args(["-F", config_text, host, command])
            .output();
        Outcome::of(output)
    };
    assert_eq!(
        ssh("coder.dev", "uname").expect_success("ssh coder.dev"),
        "Linux\n"
    );
    assert_eq!(ssh("dev.coder", "exit 42").code, 42);
    assert_eq!(ssh("main.dev.coder", "echo $USER").code, 0);
    let unknown = ssh("coder.unknown", "true");
    assert!(
        unknown.code == 255 && unknown.stderr.contains("no workspace"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_second_start_has_the_same_data() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    assert!(
        deployment.stop_server(Duration::from_secs(30)),
        "the server ends well"
    );
    deployment.start_server();
    assert!(deployment.must(&["list"]).contains("admin/dev"));
    // The agent has run on and comes back by itself.
    deployment.wait_for_agent("dev", "connected", AGENT);
    assert_eq!(deployment.must(&["ssh", "dev", "echo back"]), "back\n");
}

//! Killed servers, agents and databases.

use coder_tests::{Deployment, wait_for};
use std::{process::Command, time::Duration};

/// A template whose build takes until a file appears.
const SLOW: &str = r#"
resource "terraform_data" "first" { input = "first" }
resource "terraform_data" "slow" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "touch $HOME/applying; while [ ! -e $HOME/go ]; do sleep 0.1; done"
  }
}
"#;

pub(crate) fn kill(pid: u32, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "kill {signal} {pid}"
    );
}

#[test]
fn a_killed_server_loses_no_workspace() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    assert_eq!(deployment.push("slow", SLOW).code, 0);
    deployment.must(&["create", "dev", "--template", "slow", "--no-wait", "--yes"]);
    let applying = deployment.home().join("applying");
    wait_for("the apply to begin", Duration::from_secs(60), || {
        applying.exists().then_some(())
    });
    deployment.kill_server();
    wait_for(
        "terraform to end with the server",
        Duration::from_secs(10),
        || {
            let left = deployment.processes();
            (!left
                .iter()
                .any(|(_, command)| command.contains("terraform")))
            .then_some(())
        },
    );
    deployment.start_server();
    let status = wait_for("the job to end", Duration::from_secs(60), || {
        let (_, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
        let job = &workspace["latest_build"]["job"];
        job["completed_at"]
            .is_string()
            .then(|| job["status"].clone())
    });
    assert_eq!(status, "failed");
    std::fs::write(deployment.home().join("go"), "").expect("written");
    deployment.must(&["start", "dev", "--yes"]);
    deployment.must(&["stop", "dev", "--yes"]);
    deployment.must(&["delete", "dev", "--yes"]);
}

#[test]
fn a_killed_agent_is_missed_and_comes_back() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", Duration::from_secs(60));
    let home = deployment.home().join(".coder-local/admin/dev");
    let (pid, environment) = agent_process(&deployment, &home);
    kill(pid, "-KILL");
    deployment.wait_for_agent("dev", "disconnected", Duration::from_secs(60));
    let mut again = Command::new("setsid");
    again
        .args(["sh", ".agent.sh"])
        .current_dir(&home)
        .env_clear()
        .envs(environment);
    again
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = again.spawn().expect("the agent starts again");
    deployment.wait_for_agent("dev", "connected", Duration::from_secs(60));
    assert_eq!(deployment.must(&["ssh", "dev", "echo again"]), "again\n");
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// The agent of the workspace with this home: its process and environment.
fn agent_process(deployment: &Deployment, home: &std::path::Path) -> (u32, Vec<(String, String)>) {
    let agent = deployment
        .processes()
        .into_iter()
        .find(|(_, command)| command.trim_end().ends_with(" agent"));
    let (pid, _) = agent.expect("an agent runs");
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).expect("readable");
    let environment = String::from_utf8_lossy(&bytes)
        .split('\0')
        .filter_map(|pair| {
            pair.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        .collect();
    assert!(home.is_dir());
    (pid, environment)
}

#[test]
fn a_restarted_database_is_found_again() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let postmaster = deployment
        .processes()
        .into_iter()
        .find(|(_, command)| command.contains("postgres") && command.contains(" -D "))
        .expect("a postmaster");
    kill(postmaster.0, "-INT");
    wait_for("the postmaster to end", Duration::from_secs(20), || {
        let left = std::path::Path::new("/proc").join(postmaster.0.to_string());
        (!left.exists()).then_some(())
    });
    wait_for("the server to recover", Duration::from_secs(60), || {
        (deployment.api("GET", "/api/v2/users/me", None).0 == 200).then_some(())
    });
    assert_eq!(
        deployment
            .push("plain", "resource \"terraform_data\" \"x\" {}\n")
            .code,
        0
    );
}

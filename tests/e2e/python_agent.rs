//! The agent's protocol as it is documented, spoken by a program that shares no code with ours.

use super::port_forward::{Forward, tcp_echo, through};
use coder_tests::{free_port, wait_for};
use std::{fs, io::Read as _, net::TcpStream, path::Path, thread, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// A template whose workspace is `examples/agent.py` as a process of this machine.
fn template(folder: &Path) -> String {
    let agent = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/agent.py");
    let folder = folder.display();
    format!(
        r#"
terraform {{
  required_providers {{
    coder = {{ source = "coder/coder" }}
  }}
}}
data "coder_provisioner" "me" {{}}
data "coder_workspace" "me" {{}}
resource "coder_agent" "main" {{
  os   = data.coder_provisioner.me.os
  arch = data.coder_provisioner.me.arch
}}
resource "terraform_data" "compute" {{
  count            = data.coder_workspace.me.start_count
  triggers_replace = [coder_agent.main.token]
  input            = "{folder}/python.pid"
  provisioner "local-exec" {{
    command     = "cd '{folder}'; setsid python3 '{agent}' > '{folder}/python.log' 2>&1 < /dev/null & echo $! > '{folder}/python.pid'"
    environment = {{
      CODER_AGENT_URL   = data.coder_workspace.me.access_url
      CODER_AGENT_TOKEN = coder_agent.main.token
    }}
  }}
  provisioner "local-exec" {{
    when    = destroy
    command = "pid=$(cat '${{self.input}}'); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done"
  }}
}}
"#
    )
}

#[test]
fn an_agent_in_python_is_reached_and_comes_back() {
    if super::require("python3").is_none() {
        return;
    }
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    let pushed = deployment.push("python", &template(deployment.folder()));
    drop(pushed.expect_success("templates push"));
    deployment.must(&["create", "dev", "--template", "python", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    let agent = || {
        let (_, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
        let resources = workspace["latest_build"]["resources"].clone();
        let resources = resources.as_array().cloned().unwrap_or_default();
        let mut agents = resources.iter().flat_map(|one| one["agents"].as_array());
        agents.next().and_then(|found| found.first().cloned())
    };
    let ready = wait_for("the agent to be ready", MINUTE, || {
        agent().filter(|agent| agent["lifecycle_state"] == "ready")
    });
    assert_eq!(ready["version"], "v0.1.0", "{ready}");
    let logs = deployment.must(&["logs", "dev"]);
    assert!(logs.contains("Hello from Python 3"), "{logs}");
    let ping = deployment.must(&["ping", "-n", "1", "dev"]);
    assert!(ping.contains("pong from main"), "{ping}");

    let (echo, closed) = (tcp_echo(), free_port());
    let (local, nobody) = (free_port(), free_port());
    let ports = format!("{local}:{echo},{nobody}:{closed}");
    let forward = Forward::start(&deployment, &["--tcp", &ports]);
    // So much that the server asks to move the stream, which this agent cannot.
    let long: Vec<u8> = (0..6_000_000_u32).map(|n| (n / 7) as u8).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(through(local, &long) == long));
        }
    });
    let refused = TcpStream::connect(("127.0.0.1", nobody))
        .expect("connected")
        .read(&mut [0]);
    assert!(refused.is_err(), "{refused:?}");
    wait_for("the reason", MINUTE, || {
        let said = format!("TCP port {closed} of admin/dev");
        forward.log().contains(&said).then_some(())
    });
    drop(forward);
    let ssh = deployment.coder(&["ssh", "dev", "true"]);
    assert!(
        ssh.code == 229 && ssh.stderr.contains("this agent serves TCP ports"),
        "{}",
        ssh.stderr
    );

    deployment.kill_server();
    deployment.start_server();
    deployment.wait_for_agent("dev", "connected", MINUTE);
    let forward = Forward::start(&deployment, &["--tcp", &format!("{local}:{echo}")]);
    assert_eq!(through(local, b"again"), b"again");
    drop(forward);
    deployment.must(&["stop", "dev", "--yes"]);
    let log = fs::read_to_string(deployment.folder().join("python.log")).expect("a log");
    assert!(!log.contains("Traceback"), "{log}");
}

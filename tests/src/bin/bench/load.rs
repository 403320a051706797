//! Real Terraform builds through one external daemon, several at once: do all succeed, and what does it hold in memory.

use crate::figures::{megabytes, row};
use coder_tests::{Deployment, wait_for};
use serde_json::json;
use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

const BUILDS: usize = 30;
const AT_ONCE: &str = "4";
const PSK: &str = "a-long-pre-shared-key";
const PATIENCE: Duration = Duration::from_secs(300);

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn measure(coder: &str) {
    let environment = [
        ("CODER_PROVISIONER_DAEMONS", "0"),
        ("CODER_PROVISIONER_DAEMON_PSK", PSK),
    ];
    let deployment = Deployment::start_with(coder, &environment);
    let daemon = daemon(&deployment);
    let idle = megabytes(daemon.0.id(), "VmRSS:");
    deployment.push_local_template();
    let (_, templates) = deployment.api("GET", "/api/v2/templates", None);
    let template = templates[0]["id"].clone();
    let begin = Instant::now();
    for number in 0..BUILDS {
        let body = json!({ "name": format!("dev-{number}"), "template_id": template });
        let (status, made) = deployment.api("POST", "/api/v2/users/me/workspaces", Some(&body));
        assert_eq!(status, 201, "{made}");
    }
    let (mut succeeded, mut failed) = (0, 0);
    wait_for("the builds to end", PATIENCE, || {
        let (_, all) = deployment.api("GET", "/api/v2/workspaces?limit=100", None);
        let all = all["workspaces"].as_array()?.clone();
        let with = |status: &str| {
            let jobs = all.iter().map(|one| &one["latest_build"]["job"]["status"]);
            jobs.filter(|one| *one == status).count()
        };
        (succeeded, failed) = (with("succeeded"), with("failed"));
        (succeeded + failed == BUILDS).then_some(())
    });
    let took = begin.elapsed().as_secs_f64();
    println!(
        "| {BUILDS} Terraform builds, {AT_ONCE} at once, through one daemon: failures (all in {took:.1} s) | {failed} | 0 | |"
    );
    let peak = megabytes(daemon.0.id(), "VmHWM:");
    let what = format!("that daemon's peak RSS in MB without Terraform (idle {idle:.1})");
    row(&what, peak, 80.0);
}

fn daemon(deployment: &Deployment) -> Daemon {
    let log = deployment.folder().join("daemon.log");
    let mut command = deployment.command();
    command
        .args(["provisioner", "start", "--jobs", AT_ONCE])
        .arg("--url")
        .arg(deployment.url())
        .arg("--cache-dir")
        .arg(deployment.folder().join("daemon-cache"))
        .env("CODER_PROVISIONER_DAEMON_PSK", PSK)
        .stdin(Stdio::null())
        .stderr(fs::File::create(&log).expect("a log"));
    let daemon = Daemon(command.spawn().expect("the daemon starts"));
    wait_for("the daemon to join", PATIENCE, || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.contains("connected to the server").then_some(())
    });
    daemon
}

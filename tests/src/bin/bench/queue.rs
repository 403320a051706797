//! Builds that cost nothing, with the echo provisioner: how long each waits from being submitted until it is claimed.

use crate::figures::{milliseconds, percentile, row};
use chrono::{DateTime, Utc};
use coder_provisioner::echo::EchoScript;
use coder_tests::{Deployment, Outcome, wait_for};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs, process::Command, time::Duration};

const BUILDS: usize = 50;
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn measure(coder: &str) {
    let environment = [
        ("CODER_PROVISIONER_TYPES", "echo"),
        ("CODER_PROVISIONER_DAEMONS", "50"),
    ];
    let deployment = Deployment::start_with(coder, &environment);
    let template = template(&deployment);
    let names = (0..BUILDS).map(|number| format!("dev-{number}"));
    let workspaces: Vec<String> = names
        .map(|name| {
            let body = json!({ "name": name, "template_id": template });
            let (status, made) = deployment.api("POST", "/api/v2/users/me/workspaces", Some(&body));
            assert_eq!(status, 201, "{made}");
            made["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    let _ = ended(&deployment, &workspaces);
    one_at_a_time(&deployment, &workspaces);
    let mut waits = Vec::new();
    for transition in ["stop", "start", "stop", "start"] {
        burst(&deployment, &workspaces, transition);
        waits.extend(ended(&deployment, &workspaces).iter().map(waited));
    }
    let half = milliseconds(percentile(&mut waits, 50));
    let what = format!(
        "{BUILDS} echo builds submitted at once, 4 times: submitted to claimed, p99, ms (p50 {half:.1})"
    );
    row(&what, milliseconds(percentile(&mut waits, 99)), 50.0);
}

/// What nobody else delays.
fn one_at_a_time(deployment: &Deployment, workspaces: &[String]) {
    let mut waits = Vec::new();
    for id in workspaces {
        let one = std::slice::from_ref(id);
        burst(deployment, one, "start");
        waits.extend(ended(deployment, one).iter().map(waited));
    }
    let half = milliseconds(percentile(&mut waits, 50));
    let what = format!(
        "{BUILDS} echo builds one after the other: submitted to claimed, p99, ms (p50 {half:.1})"
    );
    row(&what, milliseconds(percentile(&mut waits, 99)), 50.0);
}

/// A template that answers without doing anything.
fn template(deployment: &Deployment) -> Value {
    let archive = EchoScript::default().to_archive("").expect("an archive");
    let file = deployment.folder().join("echo.tar");
    fs::write(&file, archive).expect("written");
    let mut upload = curl(deployment);
    upload
        .args(["-H", "Content-Type: application/x-tar", "--data-binary"])
        .arg(format!("@{}", file.display()))
        .arg(format!("{}/api/v2/files", deployment.url()));
    let answer = Outcome::of(upload.output()).expect_success("the upload");
    let file: Value = serde_json::from_str(&answer).expect("JSON");
    let version =
        json!({ "storage_method": "file", "file_id": file["hash"], "provisioner": "echo" });
    let path = "/api/v2/organizations/default/templateversions";
    let (status, version) = deployment.api("POST", path, Some(&version));
    assert_eq!(status, 201, "{version}");
    let id = version["id"].as_str().expect("an id");
    wait_for("the import", MINUTE, || {
        let (_, version) = deployment.api("GET", &format!("/api/v2/templateversions/{id}"), None);
        (version["job"]["status"] == "succeeded").then_some(())
    });
    let body = json!({ "name": "echo", "template_version_id": id });
    let path = "/api/v2/organizations/default/templates";
    let (status, template) = deployment.api("POST", path, Some(&body));
    assert_eq!(status, 200, "{template}");
    template["id"].clone()
}

/// Submits all builds at the same time, from one process.
fn burst(deployment: &Deployment, workspaces: &[String], transition: &str) {
    let mut requests = String::new();
    for id in workspaces {
        let url = format!("{}/api/v2/workspaces/{id}/builds", deployment.url());
        let _ = write!(requests, "url = \"{url}\"\noutput = \"/dev/null\"\n");
    }
    let file = deployment.folder().join("requests");
    fs::write(&file, requests).expect("written");
    let mut all = curl(deployment);
    all.args(["-Z", "--parallel-immediate", "--parallel-max", "50", "-H"])
        .args(["Content-Type: application/json", "-d"])
        .arg(json!({ "transition": transition }).to_string())
        .arg("-K")
        .arg(file);
    let _ = Outcome::of(all.output()).expect_success("the builds");
}

fn curl(deployment: &Deployment) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sSf", "--max-time", "60", "-H"])
        .arg(format!("Coder-Session-Token: {}", deployment.token()));
    curl
}

/// The newest builds' jobs, once all have succeeded.
fn ended(deployment: &Deployment, workspaces: &[String]) -> Vec<Value> {
    let job = |id: &String| {
        wait_for("a build to succeed", MINUTE, || {
            let path = format!("/api/v2/workspaces/{id}");
            let (_, mut workspace) = deployment.api("GET", &path, None);
            let job = workspace["latest_build"]["job"].take();
            (job["status"] == "succeeded").then_some(job)
        })
    };
    workspaces.iter().map(job).collect()
}

fn waited(job: &Value) -> Duration {
    let at = |name: &str| -> DateTime<Utc> {
        let text = job[name].as_str().expect("a time");
        text.parse().expect("a time")
    };
    (at("started_at") - at("created_at"))
        .to_std()
        .unwrap_or_default()
}

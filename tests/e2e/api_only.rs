//! The same life with curl and the documented paths alone.

use coder_tests::{Deployment, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

fn build(deployment: &Deployment, workspace: &str, transition: &str) -> Value {
    let path = format!("/api/v2/workspaces/{workspace}/builds");
    let (status, build) = deployment.api("POST", &path, Some(&json!({ "transition": transition })));
    assert_eq!(status, 201, "{build}");
    finished(deployment, build["id"].as_str().expect("an id"))
}

fn finished(deployment: &Deployment, build: &str) -> Value {
    wait_for("the build to end", Duration::from_secs(90), || {
        let (_, build) = deployment.api("GET", &format!("/api/v2/workspacebuilds/{build}"), None);
        build["job"]["completed_at"].is_string().then_some(build)
    })
}

#[test]
fn a_workspace_lives_through_the_documented_paths() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    let (status, templates) = deployment.api("GET", "/api/v2/templates", None);
    assert_eq!(
        (status, templates[0]["name"].as_str()),
        (200, Some("local"))
    );
    let template = templates[0]["id"].clone();
    let version = templates[0]["active_version_id"]
        .as_str()
        .expect("a version");

    let (_, parameters) = deployment.api(
        "GET",
        &format!("/api/v2/templateversions/{version}/rich-parameters"),
        None,
    );
    assert_eq!(parameters[0]["name"], "greeting");
    let (_, resources) = deployment.api(
        "GET",
        &format!("/api/v2/templateversions/{version}/resources"),
        None,
    );
    let kinds: Vec<(&str, &str)> = resources
        .as_array()
        .expect("a list")
        .iter()
        .map(|resource| {
            (
                resource["name"].as_str().expect("a name"),
                resource["workspace_transition"].as_str().expect("one"),
            )
        })
        .collect();
    assert!(
        kinds.contains(&("compute", "start")) && kinds.contains(&("home", "start")),
        "{kinds:?}"
    );
    assert!(
        kinds.contains(&("home", "stop")) && !kinds.contains(&("compute", "stop")),
        "{kinds:?}"
    );

    let bad = json!({ "name": "x", "template_id": template, "rich_parameter_values": [{ "name": "greeting", "value": "" }] });
    let (status, answer) = deployment.api("POST", "/api/v2/users/me/workspaces", Some(&bad));
    assert_eq!(status, 400, "{answer}");
    let (status, workspace) = deployment.api(
        "POST",
        "/api/v2/users/me/workspaces",
        Some(&json!({ "name": "web", "template_id": template })),
    );
    assert_eq!(status, 201, "{workspace}");
    let id = workspace["id"].as_str().expect("an id");
    let first = workspace["latest_build"]["id"].as_str().expect("an id");
    let (status, _) = deployment.api(
        "POST",
        "/api/v2/users/me/workspaces",
        Some(&json!({ "name": "WEB", "template_id": template })),
    );
    assert_eq!(status, 409);
    assert_eq!(finished(&deployment, first)["status"], "running");
    let (_, logs) = deployment.api(
        "GET",
        &format!("/api/v2/workspacebuilds/{first}/logs"),
        None,
    );
    assert!(logs.as_array().is_some_and(|logs| logs.len() > 3), "{logs}");

    assert_eq!(build(&deployment, id, "stop")["status"], "stopped");
    assert_eq!(build(&deployment, id, "start")["status"], "running");
    assert_eq!(build(&deployment, id, "delete")["status"], "deleted");
    assert_eq!(
        deployment
            .api("GET", "/api/v2/users/me/workspace/web", None)
            .0,
        404
    );
    let (_, list) = deployment.api("GET", "/api/v2/workspaces?q=owner:me", None);
    assert_eq!(list["count"], 0);
}

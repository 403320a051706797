//! Containers of a workspace: a real agent, and a fake of Docker, which says that it is one.

use super::live::{Live, eventually, script};
use coder_agent::{Agent, AgentOptions, ssh::Environment};
use coder_provisioner::protocol::Devcontainer;
use serde_json::Value;
use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70051";
const DOCKER: &str = r#"#!/bin/sh
# A fake of Docker's command line with one container.
case "$1" in
ps) echo abc ;;
inspect) printf '[{"Id":"abc","Created":"2026-11-26T10:00:00Z","Name":"/db\\u001b[2J","State":{"Status":"running","Running":true},
"Config":{"Image":"postgres","Labels":{"role":"db"}},"Mounts":[],"NetworkSettings":{"Ports":{}}}]' ;;
esac
"#;

fn with_docker(home: &Path) -> Environment {
    let docker = home.join("docker");
    std::fs::write(&docker, DOCKER).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut environment: Environment = std::env::vars_os().collect();
    // Without a `devcontainer` that somebody may have installed.
    let path = format!("{}:/usr/bin:/bin", home.display());
    environment.insert("PATH".into(), path.into());
    environment.insert("HOME".into(), home.into());
    environment
}

#[tokio::test]
async fn containers_are_shown_to_those_who_may_open_a_shell() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let (ann, eve) = (
        live.server.person("ann", &[]).await,
        live.server.person("eve", &["auditor"]).await,
    );
    let mut script = script(TOKEN);
    script.plan.start_resources[0].agents[0].devcontainers = vec![Devcontainer {
        name: "site".to_owned(),
        workspace_folder: "/srv/site".to_owned(),
        ..Devcontainer::default()
    }];
    let template = live.template(&admin, "echo", &script).await;
    let created = live.create(&ann, &template, "dev").await;
    let running = live
        .until(&ann, created["id"].as_str().unwrap(), "running")
        .await;
    let resources = running["latest_build"]["resources"].as_array().unwrap();
    let mut agents = resources
        .iter()
        .filter_map(|one| one["agents"].as_array()?.first());
    let agent = agents.next().unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/workspaceagents/{agent}/containers");
    live.server.get(&path, &ann).await.expect(503);

    let home = tempfile::tempdir().unwrap();
    let options = AgentOptions {
        process_environment: with_docker(home.path()),
        log_dir: home.path().join("logs"),
        script_data_dir: home.path().join("data"),
        devcontainers: true,
        ..AgentOptions::default()
    };
    let client = Arc::new(live.agent(TOKEN));
    let stop = CancellationToken::new();
    let runs = Agent::new(options, Arc::clone(&client) as Arc<_>, client).run(stop.clone());
    tokio::spawn(runs);
    let _stop = stop.drop_guard();
    let found: Value = eventually("a container", || async {
        let answer = live.server.get(&path, &ann).await;
        let body = (answer.status == 200).then(|| answer.json())?;
        (body["containers"][0]["id"] == "abc").then_some(body)
    })
    .await;
    // Without what would drive a terminal.
    assert_eq!(found["containers"][0]["name"], "db");
    let site = &found["devcontainers"][0];
    assert_eq!(site["name"], "site");
    let labelled = async |label: &str| {
        let path = format!("{path}?label={label}");
        let answer = live.server.get(&path, &ann).await.expect(200);
        answer["containers"].as_array().unwrap().len()
    };
    for (label, count) in [("role", 1), ("role=db", 1), ("role=web", 0), ("other", 0)] {
        assert_eq!(labelled(label).await, count, "{label}");
    }

    let recreate = |id: &str| format!("{path}/devcontainers/{id}/recreate");
    let post = async |path: String, person| live.server.post(&path, person, Value::Null).await;
    let site = recreate(site["id"].as_str().unwrap());
    let refused = post(site.clone(), &ann).await.expect(409);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("install @devcontainers/cli"), "{message}");
    post(recreate(&agent), &ann).await.expect(404);
    live.server.get(&path, &eve).await.expect(404);
    post(site, &eve).await.expect(404);
}

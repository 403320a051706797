use super::{
    harness::TestServer,
    live::{Live, eventually, script},
};
use coder_core::provisioner_job::LogLevel;
use coder_provisioner::echo::{EchoScript, EchoStep};
use coder_provisioner::protocol::Log;
use coder_server::db::{PgPubSub, testing::TestDatabase};
use serde_json::json;
use std::sync::Arc;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70001";

#[tokio::test]
async fn a_workspace_starts_stops_starts_and_is_deleted() {
    whole_life(Live::new().await).await;
}

#[tokio::test]
async fn the_same_on_postgres() {
    let database = TestDatabase::create().await;
    let pubsub = PgPubSub::start(database.options()).await;
    let store = Arc::new(database.store().await);
    let server = TestServer::on(store, Arc::new(pubsub), |config| {
        config.http.dangerous_disable_rate_limits = true;
    });
    whole_life(Live::serve(server.await).await).await;
}

async fn whole_life(live: Live) {
    let admin = live.server.person("admin", &["owner"]).await;
    let ann = live.server.person("ann", &[]).await;
    let template = live.template(&admin, "echo", &script(TOKEN)).await;
    let created = live.create(&ann, &template, "dev").await;
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(created["latest_build"]["build_number"], 1);
    assert_eq!(created["owner_name"], "ann");

    let running = live.until(&ann, &id, "running").await;
    let resources = running["latest_build"]["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 2);
    let agents: Vec<_> = resources
        .iter()
        .filter_map(|one| one["agents"].as_array())
        .flatten()
        .collect();
    assert_eq!(agents.len(), 1);
    let agent = agents[0];
    assert_eq!(
        (&agent["name"], &agent["status"]),
        (&json!("main"), &json!("connecting"))
    );
    assert_eq!(agent["apps"][0]["slug"], "web");
    assert_eq!(agent["environment_variables"]["EDITOR"], "vi");
    assert_eq!(running["health"]["healthy"], false);
    assert!(!running.to_string().contains(TOKEN), "no token is shown");
    let found = live
        .server
        .get("/api/v2/users/ann/workspace/DEV", &ann)
        .await
        .expect(200);
    assert_eq!(found["id"], running["id"]);

    let stop = live.build(&ann, &id, "stop").await;
    assert_eq!(
        (&stop["build_number"], &stop["transition"]),
        (&json!(2), &json!("stop"))
    );
    let stopped = live.until(&ann, &id, "stopped").await;
    assert_eq!(
        stopped["latest_build"]["resources"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    live.build(&ann, &id, "start").await;
    live.until(&ann, &id, "running").await;
    let builds = live
        .server
        .get(&format!("/api/v2/workspaces/{id}/builds"), &ann)
        .await
        .expect(200);
    let numbers: Vec<_> = builds
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["build_number"].clone())
        .collect();
    assert_eq!(numbers, [3, 2, 1]);
    let after = builds[1]["id"].as_str().unwrap();
    let path = format!("/api/v2/workspaces/{id}/builds?after_id={after}&limit=5");
    assert_eq!(
        live.server
            .get(&path, &ann)
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let by_number = live
        .server
        .get("/api/v2/users/me/workspace/dev/builds/2", &ann)
        .await
        .expect(200);
    assert_eq!(by_number["id"], builds[1]["id"]);

    live.build(&ann, &id, "delete").await;
    live.until(&ann, &id, "deleted").await;
    live.server
        .get(&format!("/api/v2/workspaces/{id}"), &ann)
        .await
        .expect(404);
    live.server
        .get("/api/v2/users/me/workspace/dev", &ann)
        .await
        .expect(404);
    let list = live
        .server
        .get("/api/v2/workspaces", &ann)
        .await
        .expect(200);
    assert_eq!(list, json!({ "workspaces": [], "count": 0 }));
}

#[tokio::test]
async fn lists_are_searched_and_refuse_what_they_do_not_know() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let ann = live.server.person("ann", &[]).await;
    let template = live.template(&admin, "echo", &EchoScript::default()).await;
    for name in ["one", "two"] {
        live.create(&ann, &template, name).await;
    }
    let count = async |query: &str| {
        let path = format!("/api/v2/workspaces?q={query}");
        live.server.get(&path, &ann).await.expect(200)["count"].clone()
    };
    assert_eq!(count("").await, 2);
    assert_eq!(count("name:one").await, 1);
    assert_eq!(count("owner:me+two").await, 1);
    assert_eq!(count("organization:nowhere").await, 0);
    assert_eq!(count("template:echo").await, 2);
    let refused = live
        .server
        .get("/api/v2/workspaces?q=color:red", &ann)
        .await;
    refused.expect(400);
    let page = live
        .server
        .get("/api/v2/workspaces?limit=1&offset=1", &ann)
        .await
        .expect(200);
    assert_eq!(
        (
            page["count"].clone(),
            page["workspaces"].as_array().unwrap().len()
        ),
        (json!(2), 1)
    );
    let taken = json!({ "name": "ONE", "template_id": template });
    let answer = live
        .server
        .post("/api/v2/users/me/workspaces", &ann, taken)
        .await;
    answer.expect(409);
    assert_eq!(answer.field(), "name");
}

#[tokio::test]
async fn a_failing_apply_keeps_its_log_and_its_state() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let mut broken = script(TOKEN);
    broken.apply.state = Some("half".to_owned());
    broken.apply.step = EchoStep {
        logs: vec![Log::new(LogLevel::Error, "main.tf line 7: no such thing")],
        error: Some("apply failed".to_owned()),
        ..EchoStep::default()
    };
    let template = live.template(&admin, "broken", &broken).await;
    let created = live.create(&admin, &template, "dev").await;
    let id = created["id"].as_str().unwrap().to_owned();
    let failed = live.until(&admin, &id, "failed").await;
    let build = failed["latest_build"]["id"].as_str().unwrap().to_owned();
    let job = &failed["latest_build"]["job"];
    assert!(
        job["error"].as_str().unwrap().contains("apply failed"),
        "{job}"
    );
    let logs = live
        .server
        .get(&format!("/api/v2/workspacebuilds/{build}/logs"), &admin)
        .await;
    let logs = logs.expect(200);
    let lines: Vec<_> = logs
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["output"].as_str())
        .collect();
    assert!(
        lines.contains(&"main.tf line 7: no such thing"),
        "{lines:?}"
    );
    let state = live
        .server
        .get(&format!("/api/v2/workspacebuilds/{build}/state"), &admin)
        .await;
    assert_eq!(state.bytes, b"half");
    let text = live
        .server
        .get(
            &format!("/api/v2/workspacebuilds/{build}/logs?format=text"),
            &admin,
        )
        .await;
    assert!(
        String::from_utf8(text.bytes)
            .unwrap()
            .contains("no such thing")
    );
}

#[tokio::test]
async fn logs_are_followed_until_the_build_ends() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let mut slow = script(TOKEN);
    slow.apply.step = EchoStep {
        logs: vec![Log::new(LogLevel::Info, "half way")],
        wait_for: Some("go".to_owned()),
        ..EchoStep::default()
    };
    let template = live.template(&admin, "slow", &slow).await;
    let created = live.create(&admin, &template, "dev").await;
    let build = created["latest_build"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/workspacebuilds/{build}/logs?follow=true&after=0");
    let output = |message: &serde_json::Value| message["output"] == "half way";
    let first = live
        .follow(&admin, &path, |messages| messages.iter().any(output))
        .await;
    live.provisioner.release("go");
    let all = live.follow(&admin, &path, |_| false).await;
    assert!(all.len() >= first.len() && all.iter().any(output));
    let ids: Vec<_> = all
        .iter()
        .map(|line| line["id"].as_i64().unwrap())
        .collect();
    assert!(ids.is_sorted());
    let id = created["id"].as_str().unwrap();
    live.until(&admin, id, "running").await;
    let watch = format!("/api/v2/workspaces/{id}/watch-ws");
    let events = live
        .follow(&admin, &watch, |messages| !messages.is_empty())
        .await;
    assert_eq!(
        (&events[0]["type"], &events[0]["data"]["id"]),
        (&json!("data"), &created["id"])
    );
}

#[tokio::test]
async fn a_running_build_is_canceled() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let ann = live.server.person("ann", &[]).await;
    let mut slow = script(TOKEN);
    slow.apply.step.wait_for = Some("never".to_owned());
    let template = live.template(&admin, "slow", &slow).await;
    let created = live.create(&ann, &template, "dev").await;
    let id = created["id"].as_str().unwrap().to_owned();
    live.provisioner.reached("never").await;
    let build = created["latest_build"]["id"].as_str().unwrap();
    let cancel = format!("/api/v2/workspacebuilds/{build}/cancel");
    let wrong = live
        .server
        .patch(&format!("{cancel}?expect_status=pending"), &ann, json!({}))
        .await;
    wrong.expect(412);
    live.server
        .patch(&format!("{cancel}?expect_status=lost"), &ann, json!({}))
        .await
        .expect(400);
    live.server
        .patch(&format!("{cancel}?expect_status=running"), &ann, json!({}))
        .await
        .expect(200);
    live.server
        .patch(&cancel, &ann, json!({}))
        .await
        .expect(400);
    live.until(&ann, &id, "canceled").await;
    live.build(&ann, &id, "delete").await;
    let busy = live
        .server
        .post(
            &format!("/api/v2/workspaces/{id}/builds"),
            &ann,
            json!({ "transition": "start" }),
        )
        .await;
    assert!([409, 404].contains(&busy.status.as_u16()));
}

#[tokio::test]
async fn a_daemon_that_dies_leaves_a_usable_workspace() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let mut slow = script(TOKEN);
    slow.apply.snapshot = Some("snapshot".to_owned());
    slow.apply.step.wait_for = Some("never".to_owned());
    slow.apply.step.ignore_cancel = true;
    let template = live.template(&admin, "slow", &slow).await;
    let created = live.create(&admin, &template, "dev").await;
    let id = created["id"].as_str().unwrap().to_owned();
    let build = created["latest_build"]["id"].as_str().unwrap().to_owned();
    live.provisioner.reached("never").await;
    let state = format!("/api/v2/workspacebuilds/{build}/state");
    eventually("the snapshot is stored", || async {
        let answer = live.server.get(&state, &admin).await;
        (answer.bytes == b"snapshot").then_some(())
    })
    .await;
    // What a server does that comes back after its old self was killed.
    let jobs = coder_core::service::jobs::Jobs::new(live.server.state.deps.clone());
    eventually("the job is given up", || async {
        live.server
            .clock
            .advance(std::time::Duration::from_secs(31));
        let reaped = jobs.reap().await.unwrap();
        (!reaped.is_empty()).then_some(())
    })
    .await;
    let failed = live.workspace(&admin, &id).await;
    assert_eq!(failed["latest_build"]["status"], "failed");
    assert_eq!(live.server.get(&state, &admin).await.bytes, b"snapshot");
    let next = live.build(&admin, &id, "delete").await;
    let next = next["id"].as_str().unwrap();
    let kept = live
        .server
        .get(&format!("/api/v2/workspacebuilds/{next}/state"), &admin)
        .await;
    assert_eq!(kept.bytes, b"snapshot");
}

#[tokio::test]
async fn settings_are_changed_and_checked() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let ann = live.server.person("ann", &[]).await;
    let template = live.template(&admin, "echo", &EchoScript::default()).await;
    let created = live.create(&ann, &template, "dev").await;
    let id = created["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/workspaces/{id}");
    let server = &live.server;
    server
        .patch(&path, &ann, json!({ "name": "renamed" }))
        .await
        .expect(204);
    server
        .patch(&path, &ann, json!({ "name": "no_good" }))
        .await
        .expect(400);
    server
        .put(&format!("{path}/ttl"), &ann, json!({ "ttl_ms": 3_600_000 }))
        .await
        .expect(204);
    server
        .put(&format!("{path}/ttl"), &ann, json!({ "ttl_ms": 1 }))
        .await
        .expect(400);
    server
        .put(
            &format!("{path}/autostart"),
            &ann,
            json!({ "schedule": "0 9 * * 1-5" }),
        )
        .await
        .expect(204);
    server
        .put(
            &format!("{path}/autostart"),
            &ann,
            json!({ "schedule": "@daily" }),
        )
        .await
        .expect(400);
    server
        .put(
            &format!("{path}/autoupdates"),
            &ann,
            json!({ "automatic_updates": "always" }),
        )
        .await
        .expect(204);
    server
        .put(&format!("{path}/favorite"), &ann, json!({}))
        .await
        .expect(204);
    server
        .put(&format!("{path}/favorite"), &admin, json!({}))
        .await
        .expect(403);
    server
        .put(&format!("{path}/dormant"), &ann, json!({ "dormant": true }))
        .await
        .expect(200);
    server
        .post(&format!("{path}/usage"), &ann, json!({ "app_name": "ssh" }))
        .await
        .expect(204);
    server
        .post(
            &format!("{path}/usage"),
            &ann,
            json!({ "app_name": "tetris" }),
        )
        .await
        .expect(400);
    let workspace = live.workspace(&ann, &id).await;
    assert_eq!(workspace["name"], "renamed");
    assert_eq!(
        (&workspace["ttl_ms"], &workspace["automatic_updates"]),
        (&json!(3_600_000), &json!("always"))
    );
    assert_eq!(
        (&workspace["favorite"], &workspace["autostart_schedule"]),
        (&json!(true), &json!("0 9 * * 1-5"))
    );
    assert!(workspace["dormant_at"].is_string());
    assert_eq!(live.workspace(&admin, &id).await["favorite"], false);
}

#[tokio::test]
async fn daemons_and_jobs_are_listed() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let ann = live.server.person("ann", &[]).await;
    live.template(&admin, "echo", &EchoScript::default()).await;
    let path = "/api/v2/organizations/default/provisionerdaemons";
    let daemons = live.server.get(path, &ann).await.expect(200);
    assert_eq!(
        (&daemons[0]["name"], &daemons[0]["status"]),
        (&json!("builtin"), &json!("idle"))
    );
    let path = "/api/v2/organizations/default/provisionerjobs";
    let jobs = live
        .server
        .get(&format!("{path}?status=succeeded&limit=5"), &admin)
        .await
        .expect(200);
    assert_eq!(
        (&jobs[0]["type"], &jobs[0]["worker_name"]),
        (&json!("template_version_import"), &json!("builtin"))
    );
    assert_eq!(jobs[0]["metadata"]["template_name"], "echo");
    let one = live
        .server
        .get(
            &format!("{path}/{}", jobs[0]["id"].as_str().unwrap()),
            &admin,
        )
        .await;
    assert_eq!(one.expect(200)["id"], jobs[0]["id"]);
    live.server.get(path, &ann).await.expect(404);
    live.server
        .get(&format!("{path}?status=odd"), &admin)
        .await
        .expect(400);
}

#[tokio::test]
async fn debug_logs_are_for_administrators_of_servers_that_permit_them() {
    for permitted in [false, true] {
        let server = TestServer::with_config(|config| {
            config.http.dangerous_disable_rate_limits = true;
            config.provisioner.enable_terraform_debug_mode = permitted;
        });
        let live = Live::serve(server.await).await;
        let admin = live.server.person("admin", &["owner"]).await;
        let ann = live.server.person("ann", &[]).await;
        let template = live.template(&admin, "echo", &script(TOKEN)).await;
        let created = live.create(&ann, &template, "dev").await;
        let id = created["id"].as_str().unwrap();
        live.until(&ann, id, "running").await;
        let path = format!("/api/v2/workspaces/{id}/builds");
        let body = json!({ "transition": "stop", "log_level": "debug" });
        let answer = live.server.post(&path, &ann, body.clone()).await;
        answer.expect(403);
        let answer = live.server.post(&path, &admin, body).await;
        if permitted {
            answer.expect(201);
        } else {
            answer.expect(400);
            assert_eq!(answer.field(), "log_level");
        }
    }
}

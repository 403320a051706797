//! Whom a document that is believed helps, and when. Amazon's stand for all: they never change.

use super::{
    MACHINE, World, aws,
    clouds::{Cloud, aws_document},
    on_machine, refused, start,
};
use coder_core::{Timestamp, secret::TokenHash, service::agents::Agents};
use serde_json::{Value, json};
use std::time::Duration;

struct Setting {
    cloud: Cloud,
    world: World,
}

async fn setting() -> Setting {
    let cloud = Cloud::new();
    let certificates = cloud.authority("east", 2_048, 3_650);
    let world = World::new(MACHINE, |config| {
        config.identity.aws_instance_identity_certificates = Some(certificates);
    });
    let world = world.await;
    Setting { cloud, world }
}

impl Setting {
    fn now(&self) -> Timestamp {
        self.world.live.server.state.deps.now()
    }

    /// A document of the machine that was started at a time.
    fn body(&self, time: Timestamp) -> Value {
        let document = aws_document(MACHINE, time);
        aws(&self.cloud.sign("east", &document), &document)
    }

    async fn build(&self, transition: &str, status: &'static str) {
        let Self { world, .. } = self;
        let id = &world.workspace;
        world.live.build(&world.admin, id, transition).await;
        world.live.until(&world.admin, id, status).await;
    }
}

#[tokio::test]
async fn an_agent_that_is_started_again_gets_another_token() {
    let setting = setting().await;
    let body = setting.body(setting.now());
    let mut tokens = Vec::new();
    for _ in 0..9 {
        tokens.push(setting.world.token("aws", body.clone()).await);
        setting
            .world
            .live
            .server
            .clock
            .advance(Duration::from_secs(1));
    }
    // Sessions of the agent before keep theirs; only the oldest of many is forgotten.
    assert!(!setting.world.works(&tokens[0]).await);
    for token in &tokens[1..] {
        assert!(setting.world.works(token).await);
    }
    let mut tx = setting.world.live.server.begin().await.unwrap();
    let found = tx
        .agent_identities()
        .by_token(TokenHash::of(&tokens[8]))
        .await;
    assert!(found.unwrap().is_some(), "only the hash is kept");
}

#[tokio::test]
async fn nobody_takes_the_place_of_a_connected_agent() {
    let setting = setting().await;
    let body = setting.body(setting.now());
    let token = setting.world.token("aws", body.clone()).await;
    let agents = Agents::new(setting.world.live.server.state.deps.clone());
    let owner = agents.authenticate(&token).await.unwrap();
    let noted = agents.connected(&owner).await.unwrap();
    let answer = setting
        .world
        .exchange("aws", body.clone())
        .await
        .expect(409);
    assert!(
        answer["message"].as_str().unwrap().contains("connected"),
        "{answer}"
    );
    // A lost one is given up after half a minute, one that ended at once.
    setting
        .world
        .live
        .server
        .clock
        .advance(Duration::from_secs(31));
    setting.world.token("aws", body.clone()).await;
    agents.connected(&owner).await.unwrap();
    setting
        .world
        .exchange("aws", body.clone())
        .await
        .expect(409);
    let seen = agents.seen(owner.agent.id).await.unwrap().unwrap();
    assert!(seen >= noted);
    setting
        .world
        .live
        .server
        .clock
        .advance(Duration::from_millis(1));
    agents.disconnected(&owner, seen).await.unwrap();
    setting.world.token("aws", body).await;
}

#[tokio::test]
async fn old_documents_are_refused() {
    let setting = setting().await;
    let now = setting.now();
    let before = setting.body(now - chrono::TimeDelta::minutes(6));
    refused(
        &setting.world.exchange("aws", before).await,
        "older than the workspace",
    );
    let future = setting.body(now + chrono::TimeDelta::minutes(6));
    refused(&setting.world.exchange("aws", future).await, "future");

    // The machine was stopped and started since: what it said before is over.
    let (first, second) = (
        setting.body(now),
        setting.body(now + chrono::TimeDelta::minutes(1)),
    );
    setting.world.token("aws", first.clone()).await;
    setting.world.token("aws", second.clone()).await;
    refused(&setting.world.exchange("aws", first).await, "used before");
    setting.world.token("aws", second).await;
}

#[tokio::test]
async fn a_newer_build_ends_the_tokens_of_the_one_before() {
    let setting = setting().await;
    let body = setting.body(setting.now());
    let first = setting.world.token("aws", body.clone()).await;
    setting.build("stop", "stopped").await;
    assert!(!setting.world.works(&first).await);
    refused(
        &setting.world.exchange("aws", body.clone()).await,
        "No workspace",
    );
    setting.build("start", "running").await;
    assert!(!setting.world.works(&first).await);
    // It is the same machine, which its template stopped and started.
    let second = setting.world.token("aws", body.clone()).await;
    assert!(setting.world.works(&second).await);
    setting.build("delete", "deleted").await;
    assert!(!setting.world.works(&second).await);
    refused(&setting.world.exchange("aws", body).await, "No workspace");
}

#[tokio::test]
async fn a_suspended_owner_has_no_agents() {
    let setting = setting().await;
    let World { live, admin, .. } = &setting.world;
    let ann = live.server.person("ann", &[]).await;
    let template = live.template(admin, "hers", &on_machine("i-hers")).await;
    start(live, &ann, &template, "hers").await;
    let document = aws_document("i-hers", setting.now());
    let body = aws(&setting.cloud.sign("east", &document), &document);
    let token = setting.world.token("aws", body.clone()).await;
    let path = "/api/v2/users/ann/status/suspend";
    live.server.put(path, admin, json!({})).await.expect(200);
    assert!(!setting.world.works(&token).await);
    refused(&setting.world.exchange("aws", body).await, "No workspace");
}

#[tokio::test]
async fn a_machine_stays_with_the_workspace_that_used_it() {
    let setting = setting().await;
    let World {
        live,
        admin,
        template,
        ..
    } = &setting.world;
    let body = setting.body(setting.now());
    // As long as nobody used it, two that claim it keep each other out.
    let other = start(live, admin, template, "other").await;
    let answer = setting
        .world
        .exchange("aws", body.clone())
        .await
        .expect(409);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("several agents"),
        "{answer}"
    );
    live.build(admin, &other, "stop").await;
    live.until(admin, &other, "stopped").await;
    let token = setting.world.token("aws", body.clone()).await;
    assert!(setting.world.works(&token).await);

    // Now the other one's claim is not heard, not even while the first one is stopped.
    live.build(admin, &other, "start").await;
    live.until(admin, &other, "running").await;
    setting.world.token("aws", body.clone()).await;
    setting.build("stop", "stopped").await;
    refused(
        &setting.world.exchange("aws", body.clone()).await,
        "another workspace",
    );
    setting.build("delete", "deleted").await;
    let token = setting.world.token("aws", body).await;
    let path = "/api/v2/workspaceagents/me/manifest";
    let manifest = live
        .server
        .call("GET", path, Some(&token), None)
        .await
        .expect(200);
    assert_eq!(manifest["workspace_id"], other.as_str());
}

#[tokio::test]
async fn several_agents_of_a_machine_are_told_apart_by_name() {
    let setting = setting().await;
    let World { live, admin, .. } = &setting.world;
    let mut script = on_machine("i-two");
    let mut second = script.plan.start_resources[0].agents[0].clone();
    second.id = "second".to_owned();
    second.name = "second".to_owned();
    second.apps.clear();
    script.plan.start_resources[0].agents.push(second);
    let template = live.template(admin, "two", &script).await;
    start(live, admin, &template, "two").await;
    let document = aws_document("i-two", setting.now());
    let body = aws(&setting.cloud.sign("east", &document), &document);
    let answer = setting
        .world
        .exchange("aws", body.clone())
        .await
        .expect(409);
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("main, second") && message.contains("CODER_AGENT_NAME"),
        "{message}"
    );
    for name in ["main", "second"] {
        let mut body = body.clone();
        body["agent_name"] = json!(name);
        let token = setting.world.token("aws", body).await;
        let path = "/api/v2/workspaceagents/me/manifest";
        let manifest = live
            .server
            .call("GET", path, Some(&token), None)
            .await
            .expect(200);
        assert_eq!(manifest["agent_name"], name);
    }
    let mut nobody = body;
    nobody["agent_name"] = json!("third");
    refused(&setting.world.exchange("aws", nobody).await, "No workspace");
}

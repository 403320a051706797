//! Documents of Amazon.

use super::{
    MACHINE, World, aws,
    clouds::{Cloud, aws_document, bundle},
    refused,
};
use coder_agent::AgentApi as _;
use std::time::Duration;

/// A cloud of two regions, and a server that trusts both.
async fn world(days: u16) -> (Cloud, World) {
    let cloud = Cloud::new();
    let files = [
        cloud.authority("east", 1_024, days),
        cloud.authority("west", 2_048, days),
    ];
    let certificates = bundle(&cloud.path(""), &files);
    let world = World::new(MACHINE, |config| {
        config.identity.aws_instance_identity_certificates = Some(certificates);
    });
    let world = world.await;
    (cloud, world)
}

#[tokio::test]
async fn a_signed_document_gives_the_agent_its_token() {
    let (cloud, world) = world(30).await;
    let now = world.live.server.state.deps.now();
    let document = aws_document(MACHINE, now);
    for region in ["east", "west"] {
        let token = world
            .token("aws", aws(&cloud.sign(region, &document), &document))
            .await;
        let manifest = world.live.agent(&token).manifest().await.unwrap();
        assert_eq!(manifest.workspace_id.to_string(), world.workspace);
        // The agent's instance id is shown, its token is not.
        let shown = world.live.workspace(&world.admin, &world.workspace).await;
        let resources = shown["latest_build"]["resources"].as_array().unwrap();
        let mut agents = resources
            .iter()
            .filter_map(|resource| resource["agents"].get(0));
        assert_eq!(agents.next().unwrap()["instance_id"], MACHINE);
        assert!(!shown.to_string().contains(&token));
    }
}

#[tokio::test]
async fn what_no_region_signed_is_refused() {
    let (cloud, world) = world(30).await;
    let now = world.live.server.state.deps.now();
    let document = aws_document(MACHINE, now);
    let good = cloud.sign("east", &document);
    cloud.authority("stranger", 2_048, 30);
    let other = aws_document("i-0fedcba9876543210", now);
    for body in [
        // Another document, another signer, a truncated signature, none.
        aws(&good, &other),
        aws(&good, &format!("{document} ")),
        aws(&cloud.sign("stranger", &document), &document),
        aws(&good[..100], &document),
        aws("", &document),
    ] {
        refused(&world.exchange("aws", body).await, "signature");
    }
    refused(&world.exchange("aws", aws("!", &document)).await, "base64");
    for odd in [
        "",
        "{}",
        "[]",
        r#"{"instanceId":"","pendingTime":"2026-01-01T00:00:00Z"}"#,
    ] {
        let body = aws(&cloud.sign("east", odd), odd);
        refused(&world.exchange("aws", body).await, "does not name");
    }
    let unknown = aws(&cloud.sign("east", &other), &other);
    refused(&world.exchange("aws", unknown).await, "No workspace");
    world.token("aws", aws(&good, &document)).await;
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_worth_nothing() {
    let (cloud, world) = world(2).await;
    world
        .live
        .server
        .clock
        .advance(Duration::from_secs(3 * 86_400));
    let document = aws_document(MACHINE, world.live.server.state.deps.now());
    let body = aws(&cloud.sign("east", &document), &document);
    refused(&world.exchange("aws", body).await, "certificate has ended");
}

#[tokio::test]
async fn without_certificates_nothing_is_believed() {
    let cloud = Cloud::new();
    cloud.authority("east", 2_048, 30);
    let world = World::new(MACHINE, |_| {}).await;
    let document = aws_document(MACHINE, world.live.server.state.deps.now());
    let body = aws(&cloud.sign("east", &document), &document);
    let answer = world.exchange("aws", body).await.expect(403);
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("--aws-instance-identity-certificates"),
        "{message}"
    );
    let azure = serde_json::json!({ "signature": "AAAA", "encoding": "pkcs7" });
    world.exchange("azure", azure).await.expect(403);
}

#[tokio::test]
async fn certificates_that_cannot_be_read_stop_the_server() {
    use coder_core::{service::Deps, store::MemoryStore};
    use coder_server::{app_state::AppState, config::Config};
    let cloud = Cloud::new();
    std::fs::write(cloud.path("empty.pem"), "nothing").unwrap();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(cloud.path("garbage.pem"), garbage).unwrap();
    for name in ["absent.pem", "empty.pem", "garbage.pem"] {
        let store = std::sync::Arc::new(MemoryStore::new());
        let mut config = Config::defaults().unwrap();
        config.identity.aws_instance_identity_certificates = Some(cloud.path(name));
        let deps = Deps::new(store.clone(), store);
        let state = AppState::new(
            deps,
            config,
            prometheus_client::registry::Registry::default(),
        );
        assert!(state.is_err(), "{name}");
    }
}

//! Keys with which external provisioner daemons join.

use super::harness::{Answer, TestServer};
use axum::body::Body;
use coder_core::{
    id::ProvisionerKeyId,
    provisioner_job::ProvisionerType,
    service::{
        daemons::{DaemonIdentity, Daemons},
        provisioner_keys::ProvisionerKeys,
    },
};
use serde_json::{Value, json};

const KEYS: &str = "/api/v2/organizations/default/provisionerkeys";

/// Asks as a daemon that has a key.
async fn with_key(server: &TestServer, secret: &str, path: &str) -> Answer {
    let request = http::Request::get(path)
        .header("host", "coder.test")
        .header("coder-provisioner-daemon-key", secret)
        .body(Body::empty());
    server.send(request.unwrap()).await
}

#[tokio::test]
async fn a_key_is_made_seen_and_removed() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let new = json!({ "name": "rack-1", "tags": { "region": "eu" } });
    let made = server.post(KEYS, &admin, new).await.expect(201);
    let secret = made["key"].as_str().unwrap();
    assert_eq!(secret.len(), 43);
    assert_eq!(made.as_object().unwrap().len(), 1);

    let listed = server.get(KEYS, &admin).await;
    assert!(!String::from_utf8_lossy(&listed.bytes).contains(secret));
    let listed = listed.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let key = &listed[0];
    assert_eq!(
        (&key["name"], &key["tags"]),
        (&json!("rack-1"), &json!({ "region": "eu" }))
    );
    assert_eq!(key["organization"], server.organization.to_string());

    // A key sees itself, by its id or its own text, and no other.
    let path = |name: &str| format!("/api/v2/provisionerkeys/{name}");
    let id = key["id"].as_str().unwrap();
    for name in [id, secret] {
        assert_eq!(
            with_key(&server, secret, &path(name)).await.expect(200),
            *key
        );
    }
    let other = server.post(KEYS, &admin, json!({ "name": "rack-2" })).await;
    let other = other.expect(201);
    let other = other["key"].as_str().unwrap();
    assert_eq!(with_key(&server, other, &path(id)).await.status, 404);
    for wrong in ["", "x", &"A".repeat(43), &admin.token] {
        assert_eq!(
            with_key(&server, wrong, &path(id)).await.status,
            401,
            "{wrong}"
        );
    }
    // It is no credential for anything else, and no other credential is a key.
    assert_eq!(with_key(&server, secret, KEYS).await.status, 401);
    let as_session = server.call("GET", KEYS, Some(secret), None).await;
    assert_eq!(as_session.status, 401);
    assert_eq!(server.get(&path(id), &admin).await.status, 401);

    let one = format!("{KEYS}/RACK-1");
    assert_eq!(server.delete(&one, &admin).await.status, 204);
    assert_eq!(server.delete(&one, &admin).await.status, 404);
    assert_eq!(with_key(&server, secret, &path(id)).await.status, 401);
    assert_eq!(with_key(&server, other, &path(other)).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    server
        .post(KEYS, &admin, json!({ "name": "rack" }))
        .await
        .expect(201);
    let cases: [(Value, u16, &str); 8] = [
        (json!({ "name": "Rack" }), 409, "name"),
        (json!({ "name": "" }), 400, "name"),
        (json!({ "name": "a b" }), 400, "name"),
        (json!({ "name": "PSK" }), 400, "name"),
        (json!({ "name": "built-in" }), 400, "name"),
        (
            json!({ "name": "x", "tags": { "scope": "user" } }),
            400,
            "tags",
        ),
        (
            json!({ "name": "x", "tags": { "owner": "someone" } }),
            400,
            "tags",
        ),
        (
            json!({ "name": "x", "tags": { "a": "x".repeat(257) } }),
            400,
            "tags",
        ),
    ];
    for (body, status, field) in cases {
        let answer = server.post(KEYS, &admin, body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field().as_str()),
            (status, field),
            "{body}"
        );
    }
    // Members see which daemons there are, and change nothing.
    let member = server.person("member", &[]).await;
    server.get(KEYS, &member).await.expect(200);
    let refused = server.post(KEYS, &member, json!({ "name": "mine" })).await;
    assert_eq!(refused.status, 404);
    assert_eq!(
        server.delete(&format!("{KEYS}/rack"), &member).await.status,
        404
    );
}

#[tokio::test]
async fn daemons_are_listed_with_their_keys() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    let made = server
        .post(KEYS, &admin, json!({ "name": "rack" }))
        .await
        .expect(201);
    let keys = ProvisionerKeys::new(server.state.deps.clone());
    let key = keys
        .authenticate(made["key"].as_str().unwrap())
        .await
        .unwrap();
    let identity = DaemonIdentity {
        organization_id: key.organization_id,
        key_id: key.id,
        name: "one".to_owned(),
        version: "v1".to_owned(),
        api_version: "1.0".to_owned(),
        provisioners: vec![ProvisionerType::Echo],
        tags: key.tags.clone(),
    };
    let daemons = Daemons::new(server.state.deps.clone());
    daemons.register(&identity).await.unwrap();
    let path = "/api/v2/organizations/default/provisionerdaemons";
    let listed = server.get(path, &admin).await.expect(200);
    assert_eq!(listed[0]["key_id"], key.id.to_string());
    assert_eq!(listed[0]["key_name"], "rack");
    let path_of_keys = format!("{KEYS}/daemons");
    let listed = server.get(&path_of_keys, &admin).await.expect(200);
    assert_eq!(listed[0]["key"]["name"], "rack");
    assert_eq!(listed[0]["daemons"][0]["name"], "one");

    server.delete(&format!("{KEYS}/rack"), &admin).await;
    let listed = server.get(path, &admin).await.expect(200);
    assert_eq!(listed[0]["key_name"], Value::Null);
    let listed = server.get(&path_of_keys, &admin).await.expect(200);
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn lists_of_daemons_are_narrowed() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    let daemons = Daemons::new(server.state.deps.clone());
    let mut ids = Vec::new();
    for (name, tag) in [("one", "eu"), ("two", "us"), ("three", "eu")] {
        let identity = DaemonIdentity {
            organization_id: server.organization,
            key_id: ProvisionerKeyId::BUILT_IN,
            name: name.to_owned(),
            version: "v1".to_owned(),
            api_version: "1.0".to_owned(),
            provisioners: vec![ProvisionerType::Echo],
            tags: [("region".to_owned(), tag.to_owned())].into(),
        };
        ids.push(daemons.register(&identity).await.unwrap().id.to_string());
        server.clock.advance(std::time::Duration::from_secs(40));
    }
    // The first was last seen 120 seconds ago and is offline.
    let list = async |query: &str| {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let query = query.replace("%3D", "=").replace("%26", "&");
        let path = format!("/api/v2/organizations/default/provisionerdaemons?{query}");
        let found = server.get(&path, &admin).await.expect(200);
        let found = found.as_array().unwrap().iter();
        let names = found.map(|daemon| daemon["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list("").await, "three two one");
    assert_eq!(list("limit=2").await, "three two");
    assert_eq!(list(&format!("ids={},{}", ids[0], ids[1])).await, "two one");
    assert_eq!(list("status=offline").await, "one");
    assert_eq!(list("status=idle,busy").await, "three two");
    assert_eq!(list(r#"tags={"region":"eu"}"#).await, "three one");
    assert_eq!(list(r#"tags={"region":"eu"}&status=idle"#).await, "three");
    for wrong in ["status=asleep", "ids=x", "tags=x", "limit=-1"] {
        let path = format!("/api/v2/organizations/default/provisionerdaemons?{wrong}");
        assert_eq!(server.get(&path, &admin).await.status, 400, "{wrong}");
    }
}

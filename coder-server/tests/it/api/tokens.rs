//! Tokens and session keys.

use super::harness::{Person, TestServer};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: i64 = 3_600_000_000_000;

async fn token(server: &TestServer, person: &Person, body: Value) -> Person {
    let made = server
        .post("/api/v2/users/me/keys/tokens", person, body)
        .await
        .expect(201);
    Person {
        token: made["key"].as_str().unwrap().to_owned(),
        ..person.clone()
    }
}

#[tokio::test]
async fn a_token_works_until_it_ends() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let named = token(
        &server,
        &ann,
        json!({ "token_name": "ci", "lifetime": HOUR }),
    )
    .await;
    assert_eq!(server.get("/api/v2/users/me", &named).await.status, 200);
    let listed = server
        .get("/api/v2/users/me/keys/tokens", &ann)
        .await
        .expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed[0]["token_name"], &listed[0]["scope"]),
        (&json!("ci"), &json!("all"))
    );
    assert!(
        !listed
            .to_string()
            .contains(named.token.split('-').nth(1).unwrap())
    );
    let found = server
        .get("/api/v2/users/me/keys/tokens/ci", &ann)
        .await
        .expect(200);
    assert_eq!(found["id"], listed[0]["id"]);
    // Using a token does not lengthen its life.
    server.clock.advance(Duration::from_secs(3599));
    assert_eq!(server.get("/api/v2/users/me", &named).await.status, 200);
    server.clock.advance(Duration::from_secs(2));
    assert_eq!(server.get("/api/v2/users/me", &named).await.status, 401);
    let left = server
        .get("/api/v2/users/me/keys/tokens", &ann)
        .await
        .expect(200);
    assert_eq!(left, json!([]));
    let path = "/api/v2/users/me/keys/tokens?include_expired=true";
    assert_eq!(
        server
            .get(path, &ann)
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn revoked_and_expired_tokens_are_refused() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    for (method, suffix) in [("DELETE", ""), ("PUT", "/expire")] {
        let made = token(&server, &ann, json!({})).await;
        assert_eq!(server.get("/api/v2/users/me", &made).await.status, 200);
        let id = made.token.split('-').next().unwrap();
        let path = format!("/api/v2/users/me/keys/{id}{suffix}");
        assert_eq!(
            server
                .call(method, &path, Some(&ann.token), None)
                .await
                .status,
            204
        );
        assert_eq!(
            server.get("/api/v2/users/me", &made).await.status,
            401,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_wrong_secret_is_no_token() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let id = ann.token.split('-').next().unwrap();
    let forged = Person {
        token: format!("{id}-{}", "A".repeat(22)),
        ..ann.clone()
    };
    assert_eq!(server.get("/api/v2/users/me", &forged).await.status, 401);
}

#[tokio::test]
async fn lifetimes_have_a_maximum() {
    let server = TestServer::with_config(|config| {
        config.http.max_token_lifetime = chrono::TimeDelta::hours(10);
        config.http.max_admin_token_lifetime = chrono::TimeDelta::hours(2);
    })
    .await;
    let ann = server.person("ann", &[]).await;
    let owner = server.person("owner", &["owner"]).await;
    let path = "/api/v2/users/me/keys/tokens";
    for (person, hours, status) in [
        (&ann, 10, 201),
        (&ann, 11, 400),
        (&owner, 2, 201),
        (&owner, 3, 400),
    ] {
        let answer = server
            .post(path, person, json!({ "lifetime": hours * HOUR }))
            .await;
        assert_eq!(answer.status.as_u16(), status, "{hours} of {}", person.name);
    }
    assert_eq!(
        server
            .post(path, &ann, json!({ "lifetime": -1 }))
            .await
            .field(),
        "lifetime"
    );
    let config = server
        .get(&format!("{path}/tokenconfig"), &owner)
        .await
        .expect(200);
    assert_eq!(config["max_token_lifetime"], 2 * HOUR);
}

#[tokio::test]
async fn names_are_unique_per_user() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let bob = server.person("bob", &[]).await;
    let path = "/api/v2/users/me/keys/tokens";
    server
        .post(path, &ann, json!({ "token_name": "ci" }))
        .await
        .expect(201);
    server
        .post(path, &bob, json!({ "token_name": "ci" }))
        .await
        .expect(201);
    let again = server.post(path, &ann, json!({ "token_name": "ci" })).await;
    assert_eq!(
        (again.status.as_u16(), again.field().as_str()),
        (409, "token_name")
    );
    assert_eq!(
        server
            .post(path, &ann, json!({ "token_name": "a b" }))
            .await
            .field(),
        "token_name"
    );
}

#[tokio::test]
async fn a_narrow_token_stays_narrow() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let connect = token(&server, &ann, json!({ "scope": "application_connect" })).await;
    assert_eq!(server.get("/api/v2/users/me", &connect).await.status, 404);
    let path = "/api/v2/users/me/keys/tokens";
    let reader = json!({ "scopes": ["user:read", "api_key:create"] });
    let reader = token(&server, &ann, reader).await;
    assert_eq!(server.get("/api/v2/users/me", &reader).await.status, 200);
    let profile = json!({ "username": "ann2" });
    assert_eq!(
        server
            .put("/api/v2/users/me/profile", &reader, profile)
            .await
            .status,
        404
    );
    // It makes no token that may do more than itself.
    assert_eq!(server.post(path, &reader, json!({})).await.status, 403);
    assert_eq!(
        server
            .post("/api/v2/users/me/keys", &reader, json!({}))
            .await
            .status,
        403
    );
    let same = json!({ "scopes": ["user:read"] });
    assert_eq!(server.post(path, &reader, same).await.status, 201);
    assert_eq!(
        server
            .post(path, &ann, json!({ "scopes": ["x:y"] }))
            .await
            .field(),
        "scopes"
    );
}

#[tokio::test]
async fn keys_of_others_are_not_there() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let bob = server.person("bob", &[]).await;
    let id = bob.token.split('-').next().unwrap();
    // Neither below the other's name nor below one's own.
    for user in ["bob", "me"] {
        let path = format!("/api/v2/users/{user}/keys/{id}");
        assert_eq!(server.get(&path, &ann).await.status, 404);
        assert_eq!(server.delete(&path, &ann).await.status, 404);
    }
    assert_eq!(server.get("/api/v2/users/me", &bob).await.status, 200);
}

#[tokio::test]
async fn the_command_line_gets_a_session() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let made = server
        .post("/api/v2/users/me/keys", &ann, json!({}))
        .await
        .expect(201);
    let session = Person {
        token: made["key"].as_str().unwrap().to_owned(),
        ..ann.clone()
    };
    assert_eq!(server.get("/api/v2/users/me", &session).await.status, 200);
    assert_eq!(
        server
            .get("/api/v2/users/me/keys/tokens", &ann)
            .await
            .expect(200),
        json!([])
    );
}

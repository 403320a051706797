//! The same API on PostgreSQL.

use super::harness::{PASSWORD, TestServer};
use coder_server::db::testing::TestDatabase;
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn accounts_tokens_and_files_are_kept() {
    let database = TestDatabase::create().await;
    let store = Arc::new(database.store().await);
    let pubsub = Arc::new(coder_core::store::MemoryStore::new());
    let server = TestServer::on(store, pubsub, |_| {}).await;
    let admin = server.first_user().await;
    let new = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    server
        .post("/api/v2/users", &admin, new.clone())
        .await
        .expect(201);
    let again = server.post("/api/v2/users", &admin, new).await;
    assert_eq!(again.status, 409);
    assert!(["email", "username"].contains(&again.field().as_str()));
    let found = server.get("/api/v2/users?q=ann", &admin).await.expect(200);
    assert_eq!(found["count"], 1);
    let token = json!({ "token_name": "ci" });
    server
        .post("/api/v2/users/me/keys/tokens", &admin, token.clone())
        .await
        .expect(201);
    let again = server
        .post("/api/v2/users/me/keys/tokens", &admin, token)
        .await;
    assert_eq!(
        (again.status.as_u16(), again.field().as_str()),
        (409, "token_name")
    );
    let file = server.upload(&admin, "# kept").await;
    assert_eq!(server.upload(&admin, "# kept").await, file);
    let read = server.get(&format!("/api/v2/files/{file}"), &admin).await;
    assert_eq!(read.status, 200);
    let nul = json!({ "name": "research", "description": "a\u{0}b" });
    assert_eq!(
        server
            .post("/api/v2/organizations", &admin, nul)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn two_first_users_at_once_are_one() {
    let database = TestDatabase::create().await;
    let store = Arc::new(database.store().await);
    let pubsub = Arc::new(coder_core::store::MemoryStore::new());
    let server = TestServer::on(store, pubsub, |_| {}).await;
    let set_up = |name: &str| {
        let email = format!("{name}@example.com");
        let body = json!({ "email": email, "username": name, "password": PASSWORD });
        server.call("POST", "/api/v2/users/first", None, Some(body))
    };
    let (one, two) = tokio::join!(set_up("one"), set_up("two"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

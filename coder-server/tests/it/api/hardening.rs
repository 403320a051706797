//! Headers, metrics, and that no secret is printed.

use super::harness::{PASSWORD, TestServer};
use serde_json::json;
use std::{
    io::Write,
    sync::{Arc, Mutex},
};

#[tokio::test]
async fn every_answer_carries_its_headers() {
    let server = TestServer::new().await;
    for path in [
        "/healthz",
        "/",
        "/api/v2/buildinfo",
        "/api/v2/nothing",
        "/nothing",
    ] {
        let answer = server.call("GET", path, None, None).await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert_eq!(
            answer.headers["x-coder-build-version"],
            coder_server::VERSION,
            "{path}"
        );
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
        assert!(answer.headers.contains_key("x-coder-request-id"), "{path}");
    }
    let answer = server.call("GET", "/api/v2/buildinfo", None, None).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(
        server.call("GET", "/healthz", None, None).await.bytes,
        b"OK"
    );
}

#[tokio::test]
async fn general_facts_are_there_for_clients() {
    let server = TestServer::with_config(|config| {
        config.client.ssh_config_options = vec!["ServerAliveInterval=15".to_owned()];
        config.http.access_url = Some("https://coder.test/".parse().unwrap());
    })
    .await;
    let ann = server.person("ann", &[]).await;
    let info = server
        .call("GET", "/api/v2/buildinfo", None, None)
        .await
        .expect(200);
    assert_eq!(info["dashboard_url"], "https://coder.test");
    let again = server
        .call("GET", "/api/v2/buildinfo", None, None)
        .await
        .expect(200);
    assert_eq!(info["deployment_id"], again["deployment_id"]);
    let ssh = server.get("/api/v2/deployment/ssh", &ann).await.expect(200);
    assert_eq!(ssh["hostname_suffix"], "coder");
    assert_eq!(ssh["ssh_config_options"]["ServerAliveInterval"], "15");
    let entitlements = server.get("/api/v2/entitlements", &ann).await.expect(200);
    let features = entitlements["features"].as_object().unwrap();
    assert!(
        features
            .values()
            .all(|feature| feature["entitlement"] == "entitled")
    );
    let regions = server.get("/api/v2/regions", &ann).await.expect(200);
    assert_eq!(regions["regions"][0]["name"], "primary");
    let methods = server
        .call("GET", "/api/v2/users/authmethods", None, None)
        .await
        .expect(200);
    assert_eq!(methods["password"]["enabled"], true);
    assert_eq!(
        server.get("/api/v2/experiments", &ann).await.expect(200),
        json!([])
    );
    let owner = server.person("owner", &["owner"]).await;
    let metrics = server.get("/api/v2/debug/metrics", &owner).await;
    let metrics = String::from_utf8(metrics.bytes).unwrap();
    assert!(
        metrics.contains("coderd_api_requests_processed_total"),
        "{metrics}"
    );
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_and_no_forged_line_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process, so that tests beside this one are looked at too.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = TestServer::new().await;
    let admin = server.first_user().await;
    let canary = "CanaryPassword-91!x";
    server.login("admin@example.com", canary).await;
    let new = json!({ "email": "a@example.com", "username": "a", "password": canary });
    server.post("/api/v2/users", &admin, new).await.expect(201);
    let query = format!("/api/v2/users/me?coder_session_token={}", admin.token);
    server.call("GET", &query, None, None).await.expect(200);
    let body = json!({ "old_password": PASSWORD, "password": canary, "x": 1 });
    server.put("/api/v2/users/me/password", &admin, body).await;
    let request = http::Request::get("/api/v2/users/me%0aFORGED")
        .header("user-agent", &b"curl\t\xc2\x9b31m evil"[..])
        .header("coder-session-token", &admin.token);
    server
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("/api/v2/users/login"),
        "requests are logged:\n{text}"
    );
    let secret = admin.token.split('-').nth(1).unwrap();
    for secret in [canary, PASSWORD, secret, "$argon2id$"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
    assert!(!text.contains("\nFORGED") && !text.contains('\u{9b}'));
}

#[tokio::test]
async fn the_store_keeps_no_token() {
    let server = TestServer::new().await;
    let admin = server.first_user().await;
    let mut tx = server.begin().await.unwrap();
    let id = admin.token.split('-').next().unwrap();
    let key = tx.api_keys().get(id).await.unwrap().unwrap();
    let secret = admin.token.split('-').nth(1).unwrap();
    assert!(
        !key.secret_hash
            .0
            .windows(4)
            .any(|part| secret.as_bytes().starts_with(part))
    );
    let user = tx.users().get(admin.id).await.unwrap().unwrap();
    assert!(
        user.password_hash
            .unwrap()
            .expose()
            .starts_with("$argon2id$")
    );
}

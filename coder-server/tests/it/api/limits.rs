//! Rates, sizes and malformed requests.

use super::harness::{PASSWORD, TestServer};
use axum::{body::Body, extract::ConnectInfo};
use http::Request;
use serde_json::json;
use std::{net::SocketAddr, time::Duration};

#[tokio::test]
async fn requests_per_minute_are_bounded_per_user() {
    let server = TestServer::with_config(|config| config.http.api_rate_limit = 5).await;
    let ann = server.person("ann", &[]).await;
    let bob = server.person("bob", &[]).await;
    for _ in 0..5 {
        assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 200);
    }
    // Other spellings of the path are the same route or none at all.
    for path in [
        "/api/v2/users/me",
        "/api/v2/users/ANN",
        "/api/v2/users/%6de",
    ] {
        let answer = server.get(path, &ann).await;
        assert_eq!(answer.status, 429, "{path}");
        assert!(
            answer.headers["retry-after"]
                .to_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
                <= 60
        );
        assert!(answer.json()["message"].is_string());
    }
    for path in ["/api/v2//users/me", "/API/v2/users/me", "/api/v2/users/me/"] {
        assert_eq!(server.get(path, &ann).await.status, 404, "{path}");
    }
    assert_eq!(server.get("/api/v2/users/me/roles", &ann).await.status, 200);
    assert_eq!(server.get("/api/v2/users/me", &bob).await.status, 200);
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 200);
}

#[tokio::test]
async fn only_owners_lift_their_limit() {
    let server = TestServer::with_config(|config| config.http.api_rate_limit = 1).await;
    let owner = server.person("owner", &["owner"]).await;
    let ann = server.person("ann", &[]).await;
    for (person, last) in [(&owner, 200), (&ann, 429)] {
        let mut status = 0;
        for _ in 0..3 {
            let request = Request::get("/api/v2/users/me")
                .header("coder-session-token", &person.token)
                .header("x-coder-bypass-ratelimit", "true");
            status = server
                .send(request.body(Body::empty()).unwrap())
                .await
                .status
                .as_u16();
        }
        assert_eq!(status, last, "{}", person.name);
    }
}

#[tokio::test]
async fn guessing_passwords_is_bounded_per_address() {
    let server = TestServer::with_config(|config| {
        config.http.proxy_trusted_origins = vec!["10.0.0.0/8".to_owned()];
        config.http.proxy_trusted_headers = vec!["X-Forwarded-For".to_owned()];
    })
    .await;
    let guess = async |peer: &str, forwarded: Option<&str>| {
        let mut request = Request::post("/api/v2/users/login");
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        // Too long to be hashed, so that this test does not take long.
        let body = json!({ "email": "a@example.com", "password": "x".repeat(300) });
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        let peer: SocketAddr = format!("{peer}:1234").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        server.send(request).await.status.as_u16()
    };
    for n in 0..60 {
        // What an untrusted peer claims makes no difference, nor does its /64.
        let claim = format!("198.51.100.{n}");
        assert_eq!(guess("203.0.113.1", Some(&claim)).await, 401);
        assert_eq!(guess(&format!("[2001:db8::{n:x}]"), None).await, 401);
    }
    assert_eq!(guess("203.0.113.1", Some("198.51.100.99")).await, 429);
    assert_eq!(guess("[2001:db8::abcd]", None).await, 429);
    assert_eq!(guess("203.0.113.2", None).await, 401);
    assert_eq!(guess("10.0.0.1", Some("6.6.6.6, 203.0.113.1")).await, 429);
    assert_eq!(
        guess("10.0.0.1", Some("203.0.113.1, 203.0.113.3")).await,
        401
    );
}

#[tokio::test]
async fn malformed_json_is_a_400_that_names_the_field() {
    let server = TestServer::new().await;
    let deep = format!(
        r#"{{"email":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    for (body, field) in [
        ("{", ""),
        ("null", "body"),
        (r#"["a@example.com","x"]"#, "body"),
        ("[1]", "body"),
        (r#"{"email":1}"#, "email"),
        (r#"{"email":"\ud800"}"#, "email"),
        (deep.as_str(), "email"),
        ("\u{0}", "body"),
    ] {
        let request = Request::post("/api/v2/users/login").body(Body::from(body.to_owned()));
        let answer = server.send(request.unwrap()).await;
        assert_eq!(answer.status, 400, "{body:.30}");
        assert!(answer.json()["message"].is_string());
        if !field.is_empty() {
            assert_eq!(answer.field(), field, "{body:.30}");
        }
    }
}

#[tokio::test]
async fn a_nul_is_refused_in_every_text() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    for field in ["username", "email", "name"] {
        let mut new = json!({ "email": "a@example.com", "username": "ann", "password": PASSWORD });
        new[field] = json!("a\u{0}b");
        let answer = server.post("/api/v2/users", &admin, new).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field().as_str()),
            (400, field)
        );
    }
    let new = json!({ "name": "research", "description": "a\u{0}b" });
    assert_eq!(
        server
            .post("/api/v2/organizations", &admin, new)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_large_body_is_a_413() {
    let server = TestServer::new().await;
    let large = format!(r#"{{"email":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    let answer = server.send(
        Request::post("/api/v2/users/login")
            .body(Body::from(large))
            .unwrap(),
    );
    let answer = answer.await;
    assert_eq!(answer.status, 413);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("maximum size")
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_have_the_error_body() {
    let server = TestServer::new().await;
    let answer = server.call("GET", "/api/v2/nothing/here", None, None).await;
    assert_eq!(answer.status, 404);
    assert!(answer.json()["message"].is_string());
    let answer = server.call("PATCH", "/api/v2/buildinfo", None, None).await;
    assert_eq!(answer.status, 405);
    assert!(answer.json()["message"].is_string());
    let ann = server.person("ann", &[]).await;
    let answer = server.get("/api/v2/files/not-a-uuid", &ann).await;
    assert_eq!(
        (answer.status.as_u16(), answer.field().as_str()),
        (400, "fileID")
    );
}

//! Signing in and out, and credentials that no longer work.

use super::harness::{PASSWORD, TestServer};
use axum::body::Body;
use coder_core::user::UserStatus;
use http::Request;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_first_user_exists_once() {
    let server = TestServer::new().await;
    assert_eq!(
        server
            .call("GET", "/api/v2/users/first", None, None)
            .await
            .status,
        404
    );
    let admin = server.first_user().await;
    assert_eq!(
        server
            .call("GET", "/api/v2/users/first", None, None)
            .await
            .status,
        200
    );
    let again = json!({ "email": "b@example.com", "username": "b", "password": PASSWORD });
    let answer = server
        .call("POST", "/api/v2/users/first", None, Some(again))
        .await;
    assert_eq!(answer.status, 409);
    let me = server.get("/api/v2/users/me", &admin).await.expect(200);
    assert_eq!(me["roles"][0]["name"], "owner");
    assert_eq!(me["organization_ids"][0], server.organization.to_string());
}

#[tokio::test]
async fn two_first_users_at_once_are_one() {
    let server = TestServer::new().await;
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

#[tokio::test]
async fn what_is_wrong_is_not_told_apart() {
    let server = TestServer::new().await;
    server.first_user().await;
    let password = server
        .login("admin@example.com", "AnotherSecurePassword!")
        .await;
    let email = server.login("nobody@example.com", PASSWORD).await;
    let long = server.login("admin@example.com", &"x".repeat(65_536)).await;
    for answer in [&password, &email, &long] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.bytes, password.bytes);
    }
    assert_eq!(
        server.login("ADMIN@example.com", PASSWORD).await.status,
        201
    );
}

#[tokio::test]
async fn the_cookie_is_for_the_server_alone() {
    let server = TestServer::with_config(|config| {
        config.http.access_url = Some("https://coder.test".parse().unwrap());
        config.http.host_prefix_cookie = true;
    })
    .await;
    server.first_user().await;
    let answer = server.login("admin@example.com", PASSWORD).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.starts_with("__Host-coder_session_token="),
        "{cookie}"
    );
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let request = Request::get("/api/v2/users/me").header("cookie", cookie);
    assert_eq!(
        server
            .send(request.body(Body::empty()).unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let server = TestServer::new().await;
    let admin = server.first_user().await;
    let answer = server.post("/api/v2/users/logout", &admin, json!({})).await;
    answer.expect(200);
    assert!(
        answer.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(server.get("/api/v2/users/me", &admin).await.status, 401);
}

#[tokio::test]
async fn sessions_live_while_they_are_used() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    for _ in 0..3 {
        server.clock.advance(Duration::from_secs(20 * 3600));
        assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 200);
    }
    server.clock.advance(Duration::from_secs(24 * 3600 + 1));
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 401);
}

#[tokio::test]
async fn sessions_end_when_refreshing_is_switched_off() {
    let server = TestServer::with_config(|config| {
        config.http.disable_session_expiry_refresh = true;
    })
    .await;
    let ann = server.person("ann", &[]).await;
    server.clock.advance(Duration::from_secs(20 * 3600));
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 200);
    server.clock.advance(Duration::from_secs(5 * 3600));
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 401);
}

#[tokio::test]
async fn suspended_and_deleted_users_are_out() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    let ann = server.person("ann", &[]).await;
    server
        .put("/api/v2/users/ann/status/suspend", &admin, json!({}))
        .await
        .expect(200);
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 401);
    server
        .put("/api/v2/users/ann/status/activate", &admin, json!({}))
        .await
        .expect(200);
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 200);
    server.delete("/api/v2/users/ann", &admin).await.expect(200);
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 401);
}

#[tokio::test]
async fn dormant_users_come_back() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let mut tx = server.begin().await.unwrap();
    let mut user = tx.users().get(ann.id).await.unwrap().unwrap();
    user.status = UserStatus::Dormant;
    tx.users().update(&user).await.unwrap();
    tx.commit().await.unwrap();
    let me = server.get("/api/v2/users/me", &ann).await.expect(200);
    assert_eq!(me["status"], "active");
}

#[tokio::test]
async fn suspended_users_cannot_sign_in() {
    let server = TestServer::new().await;
    let admin = server.first_user().await;
    let new = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    server.post("/api/v2/users", &admin, new).await.expect(201);
    server
        .put("/api/v2/users/ann/status/suspend", &admin, json!({}))
        .await
        .expect(200);
    assert_eq!(server.login("ann@example.com", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_token_is_found_wherever_clients_put_it() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let bearer = format!("Bearer {}", ann.token);
    let cookie = format!("coder_session_token={}", ann.token);
    let (first, second) = (
        format!("/api/v2/users/me?coder_session_token={}", ann.token),
        format!("/api/v2/users/me?access_token={}", ann.token),
    );
    for (path, header) in [
        ("/api/v2/users/me", Some(("authorization", bearer.as_str()))),
        ("/api/v2/users/me", Some(("cookie", cookie.as_str()))),
        (first.as_str(), None),
        (second.as_str(), None),
    ] {
        let mut request = Request::get(path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path} {header:?}");
    }
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let cookie = format!("coder_session_token={}", ann.token);
    let logout = |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/v2/users/logout").header("host", "coder.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::empty()).unwrap())
    };
    let by = ("cookie", cookie.as_str());
    for attack in [
        vec![by, ("origin", "https://evil.test")],
        vec![by, ("origin", "null")],
        vec![by, ("sec-fetch-site", "cross-site")],
        vec![by, ("sec-fetch-site", "same-site")],
        vec![by],
    ] {
        assert_eq!(logout(&attack).await.status, 403, "{attack:?}");
    }
    // A form without a session, to sign the victim in as the attacker.
    let request = Request::post("/api/v2/users/login")
        .header("host", "coder.test")
        .header("origin", "https://evil.test")
        .header("content-type", "text/plain")
        .body(Body::from(r#"{"email":"a@b","password":"x"}"#));
    assert_eq!(server.send(request.unwrap()).await.status, 403);
    assert_eq!(
        logout(&[by, ("origin", "http://coder.test")]).await.status,
        200
    );
}

#[tokio::test]
async fn permissions_are_evaluated_for_the_caller() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let check = |kind: &str, action: &str| json!({ "object": { "resource_type": kind, "any_org": true, "owner_id": "me" }, "action": action });
    let body = json!({ "checks": {
        "own": check("workspace", "create"),
        "templates": check("template", "create"),
        "unknown": check("starship", "fly"),
    }});
    let answer = server
        .post("/api/v2/authcheck", &ann, body)
        .await
        .expect(200);
    assert_eq!(
        answer,
        json!({ "own": true, "templates": false, "unknown": false })
    );
}

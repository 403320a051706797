//! Accounts.

use super::harness::{PASSWORD, TestServer};
use serde_json::json;

#[tokio::test]
async fn accounts_are_made_found_and_deleted() {
    let server = TestServer::new().await;
    let admin = server.first_user().await;
    let new = json!({
        "email": "ann@example.com", "username": "ann", "name": "Ann", "password": PASSWORD,
        "organization_ids": [server.organization], "user_status": null,
    });
    let made = server.post("/api/v2/users", &admin, new).await.expect(201);
    assert_eq!(made["login_type"], "password");
    assert_eq!(made["status"], "active");
    for path in ["ANN", made["id"].as_str().unwrap()] {
        let found = server
            .get(&format!("/api/v2/users/{path}"), &admin)
            .await
            .expect(200);
        assert_eq!(found["username"], "ann");
    }
    let found = server
        .get("/api/v2/users?q=ann&limit=1", &admin)
        .await
        .expect(200);
    assert_eq!(
        (&found["count"], &found["users"][0]["name"]),
        (&json!(1), &json!("Ann"))
    );
    let after = format!("/api/v2/users?after_id={}", admin.id);
    let found = server.get(&after, &admin).await.expect(200);
    assert_eq!(found["users"].as_array().unwrap().len(), 1);

    let token = server.login("ann@example.com", PASSWORD).await.expect(201);
    assert!(token["session_token"].as_str().unwrap().len() == 33);
    server.delete("/api/v2/users/ann", &admin).await.expect(200);
    assert_eq!(server.get("/api/v2/users/ann", &admin).await.status, 404);
    assert_eq!(server.login("ann@example.com", PASSWORD).await.status, 401);
    let again = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    server
        .post("/api/v2/users", &admin, again)
        .await
        .expect(201);
}

#[tokio::test]
async fn what_is_taken_is_named() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    server.person("ann", &[]).await;
    let make = |email: &str, name: &str| {
        let new = json!({ "email": email, "username": name, "password": PASSWORD });
        server.post("/api/v2/users", &admin, new)
    };
    let answer = make("new@example.com", "ANN").await;
    assert_eq!(
        (answer.status.as_u16(), answer.field().as_str()),
        (409, "username")
    );
    let answer = make("Ann@Example.com", "other").await;
    assert_eq!(
        (answer.status.as_u16(), answer.field().as_str()),
        (409, "email")
    );
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    let long = "x".repeat(300);
    for (field, value) in [
        ("username", "a b"),
        ("username", "-a"),
        ("username", "a--b"),
        ("username", "new"),
        ("username", "аdmin"),
        ("username", "a\u{202e}b"),
        ("username", long.as_str()),
        ("username", ""),
        ("email", "nonsense"),
        ("email", "a@b\r\nBcc: c@d"),
        ("name", " padded"),
        ("password", "short"),
        ("password", long.as_str()),
        ("login_type", "magic"),
    ] {
        let mut new = json!({ "email": "a@example.com", "username": "ann", "password": PASSWORD });
        new[field] = json!(value);
        let answer = server.post("/api/v2/users", &admin, new).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field().as_str()),
            (400, field),
            "{value:?}"
        );
    }
    let mut new = json!({ "email": "a@example.com", "username": "ann", "password": PASSWORD });
    new["roles"] = json!(["emperor"]);
    assert_eq!(
        server.post("/api/v2/users", &admin, new).await.field(),
        "roles"
    );
}

#[tokio::test]
async fn a_password_changes_with_the_old_one_and_ends_sessions() {
    let server = TestServer::new().await;
    let admin = server.first_user().await;
    let change = |old: &str, new: &str| {
        let body = json!({ "old_password": old, "password": new });
        server.put("/api/v2/users/me/password", &admin, body)
    };
    let answer = change("WrongOldPassword!!", "AnotherSecurePassword!").await;
    assert_eq!(
        (answer.status.as_u16(), answer.field().as_str()),
        (400, "old_password")
    );
    assert_eq!(change(PASSWORD, "weak").await.field(), "password");
    assert_eq!(change(PASSWORD, PASSWORD).await.field(), "password");
    assert_eq!(change(PASSWORD, "AnotherSecurePassword!").await.status, 204);
    assert_eq!(server.get("/api/v2/users/me", &admin).await.status, 401);
    assert_eq!(
        server.login("admin@example.com", PASSWORD).await.status,
        401
    );
    assert_eq!(
        server
            .login("admin@example.com", "AnotherSecurePassword!")
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn lower_administrators_do_not_touch_higher_ones() {
    let server = TestServer::new().await;
    let owner = server.person("owner", &["owner"]).await;
    let user_admin = server.person("helpdesk", &["user-admin"]).await;
    server.person("author", &["template-admin"]).await;
    let ann = server.person("ann", &[]).await;
    let password = json!({ "password": "AnotherSecurePassword!" });
    let roles = json!({ "roles": ["owner"] });
    for target in ["owner", "author"] {
        let path = |what: &str| format!("/api/v2/users/{target}/{what}");
        for (what, body) in [
            ("password", password.clone()),
            ("profile", json!({ "username": "taken-over" })),
            ("status/suspend", json!({})),
            ("roles", roles.clone()),
        ] {
            let answer = server.put(&path(what), &user_admin, body).await;
            assert_eq!(answer.status, 403, "{target} {what}");
        }
        assert_eq!(
            server
                .delete(&format!("/api/v2/users/{target}"), &user_admin)
                .await
                .status,
            403
        );
        // A user-admin has no permission on others' keys at all.
        let answer = server.post(&path("keys"), &user_admin, json!({})).await;
        assert_eq!(answer.status, 404);
    }
    let answer = server
        .put("/api/v2/users/helpdesk/roles", &user_admin, roles.clone())
        .await;
    assert_eq!(answer.status, 403);
    let new = json!({
        "email": "x@example.com", "username": "x", "password": PASSWORD, "roles": ["owner"],
    });
    assert_eq!(
        server.post("/api/v2/users", &user_admin, new).await.status,
        403
    );
    assert_eq!(
        server
            .put("/api/v2/users/me/roles", &ann, roles.clone())
            .await
            .status,
        403
    );
    assert_eq!(
        server
            .put("/api/v2/users/me/roles", &owner, json!({}))
            .await
            .status,
        400
    );
    assert_eq!(
        server
            .put("/api/v2/users/ann/roles", &owner, roles)
            .await
            .status,
        200
    );
    assert_eq!(
        server
            .put("/api/v2/users/ann/status/suspend", &owner, json!({}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn members_see_themselves_only() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    server.person("bob", &[]).await;
    assert_eq!(server.get("/api/v2/users/me", &ann).await.status, 200);
    assert_eq!(server.get("/api/v2/users/ann", &ann).await.status, 200);
    assert_eq!(server.get("/api/v2/users/bob", &ann).await.status, 404);
    assert_eq!(server.get("/api/v2/users", &ann).await.status, 403);
    let auditor = server.person("auditor", &["auditor"]).await;
    assert_eq!(server.get("/api/v2/users", &auditor).await.status, 200);
    // Reading roles give no writes.
    let profile = json!({ "username": "robert" });
    assert_eq!(
        server
            .put("/api/v2/users/bob/profile", &auditor, profile)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn profiles_and_appearance_change() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let profile = json!({ "username": "anna", "name": "Anna A." });
    let changed = server
        .put("/api/v2/users/me/profile", &ann, profile)
        .await
        .expect(200);
    assert_eq!(
        (&changed["username"], &changed["name"]),
        (&json!("anna"), &json!("Anna A."))
    );
    let bad = json!({ "username": "anna", "avatar_url": "javascript:alert(1)" });
    assert_eq!(
        server
            .put("/api/v2/users/me/profile", &ann, bad)
            .await
            .field(),
        "avatar_url"
    );
    let look = json!({ "theme_preference": "dark", "terminal_font": "fira-code" });
    server
        .put("/api/v2/users/me/appearance", &ann, look)
        .await
        .expect(200);
    let kept = server
        .get("/api/v2/users/me/appearance", &ann)
        .await
        .expect(200);
    assert_eq!(kept["theme_preference"], "dark");
    let bad = json!({ "theme_preference": "</script>" });
    let answer = server.put("/api/v2/users/me/appearance", &ann, bad).await;
    assert_eq!(answer.field(), "theme_preference");
}

#[tokio::test]
async fn searches_are_taken_literally() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["owner"]).await;
    for (query, count) in [("%25", 0), ("_", 0), ("'%20or%201=1--", 0), ("adm", 1)] {
        let path = format!("/api/v2/users?q={query}");
        let found = server.get(&path, &admin).await.expect(200);
        assert_eq!(found["count"], count, "{query}");
    }
    let answer = server.get("/api/v2/users?q=nonsense:1", &admin).await;
    assert_eq!(answer.status, 400);
    let terms = "a%20".repeat(10_000);
    let answer = server
        .get(&format!("/api/v2/users?q={terms}"), &admin)
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        server.get("/api/v2/users?limit=x", &admin).await.field(),
        "limit"
    );
}

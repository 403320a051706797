//! Templates.

use super::{grid_rows::World, harness::TestServer};
use serde_json::json;

#[tokio::test]
async fn templates_are_listed_changed_and_deleted() {
    let world = World::new().await;
    let server: &TestServer = &world.server;
    let admin = server.person("admin", &["template-admin"]).await;
    let member = server.person("member", &[]).await;
    let path = world.fill("/api/v2/templates/{template}", true);
    let found = server.get(&path, &member).await.expect(200);
    assert_eq!(found["organization_name"], "coder");
    assert_eq!(found["created_by_name"], "victim");
    assert_eq!(
        found["autostart_requirement"]["days_of_week"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    let by_name = server
        .get("/api/v2/organizations/coder/templates/Docker", &member)
        .await;
    assert_eq!(by_name.expect(200)["id"], found["id"]);
    for (query, count) in [
        ("", 1),
        ("?q=exact_name:docker", 1),
        ("?q=exact_name:dock", 0),
        ("?q=organization:elsewhere", 0),
        ("?q=author:victim", 1),
        ("?q=author:nobody", 0),
    ] {
        let listed = server
            .get(&format!("/api/v2/templates{query}"), &member)
            .await
            .expect(200);
        assert_eq!(listed.as_array().unwrap().len(), count, "{query}");
    }
    let listed = server
        .get("/api/v2/templates", &world.stranger)
        .await
        .expect(200);
    assert_eq!(listed, json!([]));

    let change = json!({ "display_name": "Docker", "default_ttl_ms": 3_600_000, "name": "" });
    assert_eq!(
        server.patch(&path, &member, change.clone()).await.status,
        404
    );
    let changed = server.patch(&path, &admin, change).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["default_ttl_ms"]),
        (&json!("docker"), &json!(3_600_000))
    );
    for (field, value) in [
        ("name", json!("a b")),
        ("description", json!("x".repeat(129))),
        ("default_ttl_ms", json!(-1)),
        ("display_name", json!(" x")),
        ("max_port_share_level", json!("everyone")),
    ] {
        let mut change = json!({});
        change[field] = value;
        assert_eq!(server.patch(&path, &admin, change).await.field(), field);
    }
    // The victim's workspace is made from it.
    server.delete(&path, &admin).await.expect(400);
    assert_eq!(server.get(&path, &member).await.status, 200);
}

#[tokio::test]
async fn a_template_needs_a_fresh_version() {
    let world = World::new().await;
    let server = &world.server;
    let admin = server.person("admin", &["template-admin"]).await;
    let path = "/api/v2/organizations/coder/templates";
    let used = world.fill("{templateversion}", true);
    let body = json!({ "name": "again", "template_version_id": used });
    let answer = server.post(path, &admin, body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.field().as_str()),
        (400, "template_version_id")
    );
    let absent = world.fill("{templateversion}", false);
    let body = json!({ "name": "again", "template_version_id": absent });
    assert_eq!(
        server.post(path, &admin, body).await.field(),
        "template_version_id"
    );
    assert_eq!(
        server
            .post(path, &admin, json!({ "name": "new" }))
            .await
            .field(),
        "name"
    );
}

//! Organizations and members.

use super::harness::TestServer;
use serde_json::json;

#[tokio::test]
async fn organizations_are_found_by_every_name() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    for name in [
        "default",
        "coder",
        "CODER",
        &server.organization.to_string(),
    ] {
        let path = format!("/api/v2/organizations/{name}");
        let found = server.get(&path, &ann).await.expect(200);
        assert_eq!(
            (&found["name"], &found["is_default"]),
            (&json!("coder"), &json!(true))
        );
    }
    let listed = server.get("/api/v2/organizations", &ann).await.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let mine = server
        .get("/api/v2/users/me/organizations/coder", &ann)
        .await
        .expect(200);
    assert_eq!(mine["id"], server.organization.to_string());
}

#[tokio::test]
async fn members_come_and_go() {
    let server = TestServer::new().await;
    let owner = server.person("owner", &["owner"]).await;
    let new = json!({ "name": "research", "display_name": "Research" });
    let made = server
        .post("/api/v2/organizations", &owner, new)
        .await
        .expect(201);
    assert_eq!(made["is_default"], false);
    let again = server
        .post(
            "/api/v2/organizations",
            &owner,
            json!({ "name": "Research" }),
        )
        .await;
    assert_eq!(
        (again.status.as_u16(), again.field().as_str()),
        (409, "name")
    );

    let ann = server.person("ann", &[]).await;
    assert_eq!(
        server
            .get("/api/v2/organizations/research", &ann)
            .await
            .status,
        404
    );
    let member = "/api/v2/organizations/research/members/ann";
    server.post(member, &owner, json!({})).await.expect(200);
    assert_eq!(server.post(member, &owner, json!({})).await.status, 409);
    assert_eq!(
        server
            .get("/api/v2/organizations/research", &ann)
            .await
            .status,
        200
    );

    let roles = format!("{member}/roles");
    let admin = json!({ "roles": ["organization-admin"] });
    assert_eq!(server.put(&roles, &ann, admin.clone()).await.status, 403);
    let changed = server.put(&roles, &owner, admin).await.expect(200);
    assert_eq!(changed["roles"][0]["display_name"], "Organization Admin");
    assert_eq!(
        server
            .put(&roles, &owner, json!({ "roles": ["owner"] }))
            .await
            .field(),
        "roles"
    );

    let listed = server
        .get("/api/v2/organizations/research/members", &ann)
        .await
        .expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let path = "/api/v2/organizations/research/paginated-members?limit=1&offset=1";
    let page = server.get(path, &ann).await.expect(200);
    assert_eq!(
        (&page["count"], &page["members"][0]["username"]),
        (&json!(2), &json!("owner"))
    );

    assert_eq!(server.delete(member, &owner).await.status, 204);
    assert_eq!(
        server
            .get("/api/v2/organizations/research", &ann)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn plain_members_change_nothing() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let bob = server.person("bob", &[]).await;
    let member = "/api/v2/organizations/coder/members/bob";
    assert_eq!(server.delete(member, &ann).await.status, 404);
    let roles = json!({ "roles": ["organization-admin"] });
    assert_eq!(
        server
            .put(&format!("{member}/roles"), &ann, roles)
            .await
            .status,
        403
    );
    assert_eq!(
        server
            .post("/api/v2/organizations", &bob, json!({ "name": "x" }))
            .await
            .status,
        403
    );
}

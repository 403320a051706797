//! Key pairs for Git hosts: whose they are, and who sees which half.

use super::{
    harness::TestServer,
    live::{Live, script},
};
use coder_agent::{AgentApi as _, ErrorKind};
use coder_core::{
    id::ProvisionerKeyId,
    provisioner_job::{ProvisionerType, Tags},
    service::daemons::DaemonIdentity,
};
use coder_provisioner::{ProvisionerDaemonApi as _, protocol::JobKind};
use coder_server::rpc::provisioner_daemon::{Bells, DaemonApi, DaemonSettings};
use serde_json::json;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70021";
const MINE: &str = "/api/v2/users/me/gitsshkey";

#[tokio::test]
async fn a_user_has_one_key_until_it_is_replaced() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let bob = server.person("bob", &[]).await;
    let first = server.get(MINE, &ann).await.expect(200);
    assert_eq!(first["user_id"], ann.id.to_string());
    let public = first["public_key"].as_str().unwrap();
    assert!(public.starts_with("ssh-ed25519 "), "{public}");
    assert_eq!(server.get(MINE, &ann).await.expect(200), first);
    let other = server.get(MINE, &bob).await.expect(200);
    assert_ne!(other["public_key"], first["public_key"]);

    server.clock.advance(std::time::Duration::from_secs(5));
    let second = server.put(MINE, &ann, json!({})).await.expect(200);
    assert_ne!(second["public_key"], first["public_key"]);
    assert_eq!(second["created_at"], first["created_at"]);
    assert_ne!(second["updated_at"], first["updated_at"]);
    assert_eq!(server.get(MINE, &ann).await.expect(200), second);
    assert_eq!(server.get(MINE, &bob).await.expect(200), other);
    assert!(
        !second.to_string().contains("PRIVATE"),
        "only one half is shown"
    );
}

#[tokio::test]
async fn other_peoples_keys_are_for_those_who_manage_their_accounts() {
    let server = TestServer::new().await;
    let owner = server.person("owner", &["owner"]).await;
    let manager = server.person("manager", &["user-admin"]).await;
    let author = server.person("author", &["template-admin"]).await;
    let ann = server.person("ann", &[]).await;
    let of = |name: &str| format!("/api/v2/users/{name}/gitsshkey");
    let hers = server.get(MINE, &ann).await.expect(200);
    for person in [&owner, &manager] {
        assert_eq!(server.get(&of("ann"), person).await.expect(200), hers);
    }
    for person in [&author, &server.person("carl", &["auditor"]).await] {
        server.get(&of("ann"), person).await.expect(404);
        server.put(&of("ann"), person, json!({})).await.expect(404);
    }
    server
        .put(&of("ann"), &manager, json!({}))
        .await
        .expect(200);
    // Whoever replaces a key makes the old one useless: not with an owner's.
    server
        .put(&of("owner"), &manager, json!({}))
        .await
        .expect(403);
    server.get(&of("nobody"), &owner).await.expect(404);
}

#[tokio::test]
async fn the_algorithm_is_an_option() {
    use coder_core::git_ssh_key::SshKeygenAlgorithm;
    let change = |config: &mut coder_server::config::Config| {
        config.identity.ssh_keygen_algorithm = SshKeygenAlgorithm::Ecdsa;
    };
    let server = TestServer::with_config(change).await;
    let ann = server.person("ann", &[]).await;
    let key = server.get(MINE, &ann).await.expect(200);
    let public = key["public_key"].as_str().unwrap();
    assert!(public.starts_with("ecdsa-sha2-nistp256 "), "{public}");
}

#[tokio::test]
async fn a_deleted_users_key_is_gone() {
    let server = TestServer::new().await;
    let owner = server.person("owner", &["owner"]).await;
    let ann = server.person("ann", &[]).await;
    server.get(MINE, &ann).await.expect(200);
    server.delete("/api/v2/users/ann", &owner).await.expect(200);
    let mut tx = server.begin().await.unwrap();
    assert_eq!(tx.git_ssh_keys().get(ann.id).await.unwrap(), None);
}

/// A running workspace of `admin` whose template is changed by `change`.
async fn running(scope: &str) -> (Live, super::harness::Person) {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let mut script = script(TOKEN);
    script.plan.start_resources[0].agents[0].api_key_scope = scope.to_owned();
    let template = live.template(&admin, "echo", &script).await;
    let created = live.create(&admin, &template, "dev").await;
    let id = created["id"].as_str().unwrap().to_owned();
    live.until(&admin, &id, "running").await;
    (live, admin)
}

#[tokio::test]
async fn builds_get_both_halves() {
    let server = TestServer::new().await;
    let deps = &server.state.deps;
    let ann = server.person("ann", &["owner"]).await;
    let file = server.upload(&ann, "# template").await;
    let (_, template) = super::grid_rows::template(&server, &ann, file.parse().unwrap()).await;
    let body = json!({ "name": "dev", "template_id": template });
    server
        .post("/api/v2/users/me/workspaces", &ann, body)
        .await
        .expect(201);
    let identity = DaemonIdentity {
        organization_id: server.organization,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: "one".to_owned(),
        version: "v1".to_owned(),
        api_version: "1.0".to_owned(),
        provisioners: vec![ProvisionerType::Echo],
        tags: Tags::new(),
    };
    let (settings, bells) = (DaemonSettings::default(), Bells::default());
    let daemon = DaemonApi::join(deps.clone(), settings, &bells, &identity).await;
    let job = daemon.unwrap().acquire_job(&CancellationToken::new()).await;
    let job = job.unwrap().unwrap();
    let JobKind::WorkspaceBuild(build) = &job.kind else {
        panic!("{job:?}");
    };
    let shown = server.get(MINE, &ann).await.expect(200);
    let metadata = &build.metadata;
    assert_eq!(
        shown["public_key"],
        metadata.workspace_owner_ssh_public_key.as_str()
    );
    let private = &metadata.workspace_owner_ssh_private_key;
    assert!(private.expose().contains("OPENSSH PRIVATE KEY"));
    assert!(!format!("{job:?}").contains("OPENSSH"));
}

#[tokio::test]
async fn agents_get_both_halves() {
    let (live, admin) = running("all").await;
    let shown = live.server.get(MINE, &admin).await.expect(200);
    let key = live.agent(TOKEN).git_ssh_key().await.unwrap();
    assert_eq!(shown["public_key"], key.public_key.as_str());
    assert!(key.private_key.expose().contains("OPENSSH PRIVATE KEY"));

    live.server.put(MINE, &admin, json!({})).await.expect(200);
    let fresh = live.agent(TOKEN).git_ssh_key().await.unwrap();
    assert_ne!(fresh, key, "a replaced key is used at once");
}

#[tokio::test]
async fn a_template_may_keep_its_agents_from_the_owners_data() {
    for scope in ["no_user_data", "something_else"] {
        let (live, _) = running(scope).await;
        let agent = live.agent(TOKEN);
        let refused = agent.git_ssh_key().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        assert!(refused.message().contains("api_key_scope"), "{refused}");
        let query = coder_agent::protocol::ExternalAuthQuery {
            matching: "github.com".to_owned(),
            ..Default::default()
        };
        let refused = agent.external_auth(query).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        agent.manifest().await.unwrap();
    }
}

#[tokio::test]
async fn external_logins_are_not_there_yet() {
    let (live, admin) = running("all").await;
    let listed = live.server.get("/api/v2/external-auth", &admin).await;
    assert_eq!(listed.expect(200), json!({ "providers": [], "links": [] }));
    let github = live
        .server
        .get("/api/v2/external-auth/github", &admin)
        .await;
    assert!(
        github.expect(404)["message"]
            .as_str()
            .unwrap()
            .contains("provider")
    );
    let path = "/api/v2/workspaceagents/me/gitauth?match=github.com";
    live.server
        .call("GET", path, Some(TOKEN), None)
        .await
        .expect(404);
    let path = "/api/v2/workspaceagents/me/external-auth?match=a&id=b";
    live.server
        .call("GET", path, Some(TOKEN), None)
        .await
        .expect(400);
}

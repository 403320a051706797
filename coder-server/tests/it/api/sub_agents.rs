//! Dev containers of templates, and the agents inside of them.

use super::{
    harness::Person,
    live::{Live, script},
};
use coder_agent::{
    AgentApi as _, AgentClient, ErrorKind,
    protocol::{CreateSubAgentRequest, SubAgentApp},
};
use coder_core::{id::WorkspaceAgentId, template::SharingLevel};
use coder_provisioner::protocol::{App, Devcontainer, Env, EnvMergeStrategy, Script};
use serde_json::{Value, json};

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70031";

/// A running workspace whose template has two dev containers, one with something attached to it.
struct World {
    live: Live,
    admin: Person,
    template: String,
    workspace: String,
    outer: AgentClient,
}

impl World {
    async fn new() -> Self {
        let live = Live::new().await;
        let admin = live.server.person("admin", &["owner"]).await;
        let mut script = script(TOKEN);
        let agent = &mut script.plan.start_resources[0].agents[0];
        agent.devcontainers = vec![
            Devcontainer {
                name: "plain".to_owned(),
                workspace_folder: "~/plain".to_owned(),
                ..Devcontainer::default()
            },
            attached(),
        ];
        let template = live.template(&admin, "echo", &script).await;
        let created = live.create(&admin, &template, "dev").await;
        let workspace = created["id"].as_str().unwrap().to_owned();
        live.until(&admin, &workspace, "running").await;
        let outer = live.agent(TOKEN);
        Self {
            live,
            admin,
            template,
            workspace,
            outer,
        }
    }

    /// The agents that users see.
    async fn agents(&self) -> Vec<Value> {
        let workspace = self.live.workspace(&self.admin, &self.workspace).await;
        let resources = workspace["latest_build"]["resources"].as_array().unwrap();
        let agents = resources.iter().filter_map(|one| one["agents"].as_array());
        agents.flatten().cloned().collect()
    }

    async fn named(&self, name: &str) -> Option<Value> {
        let agents = self.agents().await;
        agents.into_iter().find(|agent| agent["name"] == name)
    }
}

fn attached() -> Devcontainer {
    Devcontainer {
        name: "site".to_owned(),
        workspace_folder: "/srv/site".to_owned(),
        config_path: "/srv/site/dev.json".to_owned(),
        apps: vec![App {
            slug: "web".to_owned(),
            url: "http://localhost:3000".to_owned(),
            ..App::default()
        }],
        scripts: vec![Script {
            display_name: "Serve".to_owned(),
            script: "make serve".to_owned(),
            run_on_start: true,
            ..Script::default()
        }],
        envs: vec![Env {
            name: "STAGE".to_owned(),
            value: "dev".to_owned(),
            merge_strategy: EnvMergeStrategy::Replace,
        }],
        ..Devcontainer::default()
    }
}

fn request(name: &str) -> CreateSubAgentRequest {
    CreateSubAgentRequest {
        id: None,
        name: name.to_owned(),
        directory: "/workspaces/site".to_owned(),
        architecture: "amd64".to_owned(),
        operating_system: "linux".to_owned(),
        display_apps: vec!["vscode".to_owned()],
        apps: Vec::new(),
    }
}

#[tokio::test]
async fn a_template_foresees_the_agent_inside() {
    let world = World::new().await;
    let manifest = world.outer.manifest().await.unwrap();
    let [plain, site] = manifest.devcontainers.as_slice() else {
        panic!("{:?}", manifest.devcontainers);
    };
    assert_eq!((plain.name.as_str(), plain.subagent_id), ("plain", None));
    assert_eq!(plain.workspace_folder, "~/plain");
    assert_eq!(site.config_path, "/srv/site/dev.json");
    let inside = site.subagent_id.expect("something is attached");

    // It is seen, and does not make the workspace unhealthy before its container runs.
    let seen = world.named("site").await.unwrap();
    assert_eq!(seen["id"], inside.to_string());
    assert_eq!(seen["parent_id"], manifest.agent_id.to_string());
    let workspace = world.live.workspace(&world.admin, &world.workspace).await;
    let failing = workspace["health"]["failing_agents"].to_string();
    assert!(!failing.contains(&inside.to_string()), "{failing}");

    let mut wanted = request("renamed");
    wanted.id = Some(inside);
    let made = world.outer.create_sub_agent(wanted.clone()).await.unwrap();
    assert_eq!(made.agent.id, inside);
    let inner = world.live.agent(made.auth_token.expose());
    let inner = inner.manifest().await.unwrap();
    assert_eq!(inner.agent_name, "renamed");
    assert_eq!(inner.parent_id, Some(manifest.agent_id));
    assert_eq!(inner.directory, "/workspaces/site");
    assert_eq!(inner.environment_variables["STAGE"], "dev");
    assert_eq!(inner.apps[0].slug, "web");
    assert_eq!(inner.scripts[0].script, "make serve");
    assert!(inner.devcontainers.is_empty());

    // When the container is made anew, so is the token; one that still runs is not cut off at once.
    let again = world.outer.create_sub_agent(wanted).await.unwrap();
    assert_ne!(again.auth_token, made.auth_token);
    for token in [&made.auth_token, &again.auth_token] {
        world.live.agent(token.expose()).manifest().await.unwrap();
    }
}

#[tokio::test]
async fn agents_inside_come_and_go() {
    let world = World::new().await;
    let made = world.outer.create_sub_agent(request("extra")).await;
    let made = made.unwrap();
    let inner = world.live.agent(made.auth_token.expose());
    inner.manifest().await.unwrap();
    assert_eq!(
        world.named("extra").await.unwrap()["id"],
        made.agent.id.to_string()
    );
    let listed = world.outer.list_sub_agents().await.unwrap();
    let names: Vec<_> = listed.agents.iter().map(|agent| &agent.name).collect();
    assert_eq!(names, ["extra", "site"]);

    let taken = world.outer.create_sub_agent(request("Main")).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Conflict);
    let nested = inner.create_sub_agent(request("nested")).await;
    assert_eq!(nested.unwrap_err().kind(), ErrorKind::Forbidden);
    // Nor does one inside end another, or the one around it.
    let others = inner.delete_sub_agent(made.agent.id).await;
    assert_eq!(others.unwrap_err().kind(), ErrorKind::NotFound);

    world.outer.delete_sub_agent(made.agent.id).await.unwrap();
    assert!(world.named("extra").await.is_none());
    let path = format!("/api/v2/workspaceagents/{}", made.agent.id);
    world.live.server.get(&path, &world.admin).await.expect(404);
    let refused = inner.manifest().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    // Its name is free again.
    let again = world.outer.create_sub_agent(request("extra")).await;
    assert_ne!(again.unwrap().agent.id, made.agent.id);
    let unknown = WorkspaceAgentId(uuid::Uuid::from_u128(7));
    let unknown = world.outer.delete_sub_agent(unknown).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn other_workspaces_agents_are_out_of_reach() {
    let world = World::new().await;
    let bob = world.live.server.person("bob", &[]).await;
    let made = world.outer.create_sub_agent(request("extra")).await;
    let made = made.unwrap();
    let mut script = script("7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70032");
    script.plan.start_resources[0].name = "other".to_owned();
    let template = world.live.template(&world.admin, "other", &script).await;
    let created = world.live.create(&bob, &template, "dev").await;
    let id = created["id"].as_str().unwrap();
    world.live.until(&bob, id, "running").await;
    let other = world.live.agent("7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70032");
    let refused = other.delete_sub_agent(made.agent.id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let mut theirs = request("mine");
    theirs.id = Some(made.agent.id);
    let refused = other.create_sub_agent(theirs).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_container_shares_its_apps_no_more_widely_than_the_template_allows() {
    let world = World::new().await;
    let path = format!("/api/v2/templates/{}", world.template);
    let body = json!({ "max_port_share_level": "authenticated" });
    let call = world
        .live
        .server
        .call("PATCH", &path, Some(&world.admin.token), Some(body));
    call.await.expect(200);
    let mut wanted = request("extra");
    let app = |slug: &str, share| SubAgentApp {
        slug: slug.to_owned(),
        url: "http://localhost:3000".to_owned(),
        share,
        ..SubAgentApp::default()
    };
    wanted.apps = vec![app("wide", Some(SharingLevel::Public)), app("narrow", None)];
    let made = world.outer.create_sub_agent(wanted).await.unwrap();
    let inner = world.live.agent(made.auth_token.expose());
    let apps = inner.manifest().await.unwrap().apps;
    let level = |slug: &str| {
        let app = apps.iter().find(|app| app.slug == slug).unwrap();
        app.sharing_level
    };
    assert_eq!(level("wide"), SharingLevel::Authenticated);
    assert_eq!(level("narrow"), SharingLevel::Owner);
}

#[tokio::test]
async fn the_next_build_begins_without_agents_inside() {
    let world = World::new().await;
    let made = world.outer.create_sub_agent(request("extra")).await;
    let made = made.unwrap();
    world
        .live
        .build(&world.admin, &world.workspace, "stop")
        .await;
    let stopped = world.live.until(&world.admin, &world.workspace, "stopped");
    stopped.await;
    assert!(world.agents().await.is_empty());
    let inner = world.live.agent(made.auth_token.expose());
    assert_eq!(
        inner.manifest().await.unwrap_err().kind(),
        ErrorKind::Unauthenticated
    );
}

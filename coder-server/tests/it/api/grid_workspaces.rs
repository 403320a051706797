//! The part of the grid about workspaces, builds, agents and daemons.

use super::{
    grid_rows::Row::{self, Hidden, NoObject},
    harness::{Person, TestServer},
    live::found_agent,
};
use coder_core::{
    id::{ProvisionerKeyId, TemplateId},
    provisioner_job::{ProvisionerType, Tags},
    service::{
        daemons::{DaemonIdentity, Daemons},
        jobs::{BuildResult, Claim, JobResult, Jobs},
        provisioner_keys::{NewProvisionerKey, ProvisionerKeys},
        sessions,
        workspaces::{NewWorkspace, Workspaces},
    },
};

const NEW: &str = r#"{"name":"x","template_id":"00000000-0000-0000-0000-000000000001"}"#;
const START: &str = r#"{"transition":"start"}"#;

pub(crate) const WORKSPACES: &[(&str, Row)] = &[
    ("GET /api/v2/workspaces", NoObject),
    ("POST /api/v2/users/{user}/workspaces", Hidden(NEW)),
    (
        "POST /api/v2/organizations/{organization}/members/{user}/workspaces",
        Hidden(NEW),
    ),
    (
        "GET /api/v2/users/{user}/workspace/{workspacename}",
        Hidden(""),
    ),
    (
        "GET /api/v2/users/{user}/workspace/{workspacename}/builds/{buildnumber}",
        Hidden(""),
    ),
    ("GET /api/v2/workspaces/{workspace}", Hidden("")),
    (
        "PATCH /api/v2/workspaces/{workspace}",
        Hidden(r#"{"name":"mine"}"#),
    ),
    ("PUT /api/v2/workspaces/{workspace}/autostart", Hidden("")),
    (
        "PUT /api/v2/workspaces/{workspace}/autoupdates",
        Hidden(r#"{"automatic_updates":"always"}"#),
    ),
    ("GET /api/v2/workspaces/{workspace}/builds", Hidden("")),
    ("POST /api/v2/workspaces/{workspace}/builds", Hidden(START)),
    (
        "PUT /api/v2/workspaces/{workspace}/dormant",
        Hidden(r#"{"dormant":true}"#),
    ),
    (
        "PUT /api/v2/workspaces/{workspace}/extend",
        Hidden(r#"{"deadline":"2099-01-01T00:00:00Z"}"#),
    ),
    ("PUT /api/v2/workspaces/{workspace}/favorite", Hidden("")),
    ("DELETE /api/v2/workspaces/{workspace}/favorite", Hidden("")),
    ("GET /api/v2/workspaces/{workspace}/timings", Hidden("")),
    (
        "PUT /api/v2/workspaces/{workspace}/ttl",
        Hidden(r#"{"ttl_ms":null}"#),
    ),
    ("POST /api/v2/workspaces/{workspace}/usage", Hidden("")),
    ("GET /api/v2/workspaces/{workspace}/watch", Hidden("")),
    ("GET /api/v2/workspaces/{workspace}/watch-ws", Hidden("")),
    ("GET /api/v2/workspacebuilds/{workspacebuild}", Hidden("")),
    (
        "PATCH /api/v2/workspacebuilds/{workspacebuild}/cancel",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspacebuilds/{workspacebuild}/logs",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspacebuilds/{workspacebuild}/parameters",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspacebuilds/{workspacebuild}/resources",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspacebuilds/{workspacebuild}/state",
        Hidden(""),
    ),
    (
        "PUT /api/v2/workspacebuilds/{workspacebuild}/state",
        Hidden(r#"{"state":"AAAA"}"#),
    ),
    (
        "GET /api/v2/workspacebuilds/{workspacebuild}/timings",
        Hidden(""),
    ),
    (
        "POST /api/v2/workspaceagents/aws-instance-identity",
        NoObject,
    ),
    (
        "POST /api/v2/workspaceagents/azure-instance-identity",
        NoObject,
    ),
    (
        "POST /api/v2/workspaceagents/google-instance-identity",
        NoObject,
    ),
    ("GET /api/v2/workspaceagents/connection", NoObject),
    ("GET /api/v2/workspaceagents/{workspaceagent}", Hidden("")),
    // Without a port; with one it is in the tests of agents.
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/connect",
        NoObject,
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/connection",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/containers",
        Hidden(""),
    ),
    (
        "POST /api/v2/workspaceagents/{workspaceagent}/containers/devcontainers/{devcontainer}/recreate",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/listening-ports",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/logs",
        Hidden(""),
    ),
    // Without an id of a terminal; with one it is in the tests of terminals.
    ("GET /api/v2/workspaceagents/{workspaceagent}/pty", NoObject),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/ping",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/startup-logs",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/watch-metadata",
        Hidden(""),
    ),
    (
        "GET /api/v2/workspaceagents/{workspaceagent}/watch-metadata-ws",
        Hidden(""),
    ),
    ("GET /api/v2/workspaceagents/me/manifest", NoObject),
    ("POST /api/v2/workspaceagents/me/startup", NoObject),
    ("POST /api/v2/workspaceagents/me/report-lifecycle", NoObject),
    ("PATCH /api/v2/workspaceagents/me/logs", NoObject),
    ("POST /api/v2/workspaceagents/me/log-source", NoObject),
    ("POST /api/v2/workspaceagents/me/metadata", NoObject),
    ("POST /api/v2/workspaceagents/me/script-completed", NoObject),
    ("POST /api/v2/workspaceagents/me/app-health", NoObject),
    ("POST /api/v2/workspaceagents/me/report-stats", NoObject),
    ("GET /api/v2/workspaceagents/me/gitsshkey", NoObject),
    ("GET /api/v2/workspaceagents/me/external-auth", NoObject),
    ("GET /api/v2/workspaceagents/me/gitauth", NoObject),
    ("POST /api/v2/workspaceagents/me/sub-agents", NoObject),
    ("GET /api/v2/workspaceagents/me/sub-agents", NoObject),
    (
        "DELETE /api/v2/workspaceagents/me/sub-agents/{subagent}",
        NoObject,
    ),
    (
        "POST /api/v2/workspaceagents/me/report-connection",
        NoObject,
    ),
    (
        "GET /api/v2/workspaceagents/me/resources-monitoring-configuration",
        NoObject,
    ),
    (
        "POST /api/v2/workspaceagents/me/resources-monitoring-usage",
        NoObject,
    ),
    ("GET /api/v2/workspaceagents/me/stream", NoObject),
    ("GET /api/v2/workspaceagents/me/tunnel", NoObject),
    (
        "GET /api/v2/organizations/{organization}/provisionerdaemons",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/provisionerdaemons/serve",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/provisionerkeys",
        Hidden(""),
    ),
    (
        "POST /api/v2/organizations/{organization}/provisionerkeys",
        Hidden(r#"{"name":"mine"}"#),
    ),
    (
        "GET /api/v2/organizations/{organization}/provisionerkeys/daemons",
        Hidden(""),
    ),
    (
        "DELETE /api/v2/organizations/{organization}/provisionerkeys/{provisionerkey}",
        Hidden(""),
    ),
    // A key sees itself only; the tests of keys try another one's.
    ("GET /api/v2/provisionerkeys/{provisionerkey}", NoObject),
    (
        "GET /api/v2/organizations/{organization}/provisionerjobs",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/provisionerjobs/{job}",
        Hidden(""),
    ),
];

/// A running workspace of `owner`, as what stands for parameters of paths: name, present, absent.
pub(crate) async fn objects(
    server: &TestServer,
    owner: &Person,
    template: TemplateId,
) -> Vec<(&'static str, String, &'static str)> {
    const ABSENT: &str = "00000000-0000-0000-0000-0000ab5e0000";
    let deps = &server.state.deps;
    let session = sessions::authenticate(deps, &owner.token, false)
        .await
        .unwrap();
    let keys = ProvisionerKeys::new(deps.clone());
    let rack = NewProvisionerKey {
        name: "rack".to_owned(),
        ..NewProvisionerKey::default()
    };
    keys.create(&session.subject, server.organization, rack)
        .await
        .unwrap();
    let request = NewWorkspace::of(owner.id, template, "dev");
    let workspaces = Workspaces::new(deps.clone());
    let workspace = workspaces.create(&session.subject, &request).await.unwrap();
    let identity = DaemonIdentity {
        organization_id: server.organization,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: "grid".to_owned(),
        version: "v1".to_owned(),
        api_version: "1.0".to_owned(),
        provisioners: vec![ProvisionerType::Echo],
        tags: Tags::new(),
    };
    let daemon = Daemons::new(deps.clone())
        .register(&identity)
        .await
        .unwrap();
    let jobs = Jobs::new(deps.clone());
    let acquired = jobs.acquire(&daemon).await.unwrap().unwrap();
    let claim = Claim {
        job_id: acquired.job.id,
        lease: acquired.lease,
    };
    let resources = vec![found_agent()];
    let result = JobResult::Build(BuildResult {
        resources,
        ..BuildResult::default()
    });
    jobs.complete(claim, &result).await.unwrap();
    let details = workspaces
        .get(&session.subject, workspace.id, false)
        .await
        .unwrap();
    let build = &details.latest_build;
    let agent = build.resources[0].agents[0].agent.id;
    vec![
        ("workspace", workspace.id.to_string(), ABSENT),
        ("workspacename", workspace.name, "absent"),
        ("buildnumber", "1".to_owned(), "99"),
        ("workspacebuild", build.build.id.to_string(), ABSENT),
        ("workspaceagent", agent.to_string(), ABSENT),
        ("subagent", agent.to_string(), ABSENT),
        ("devcontainer", ABSENT.to_owned(), ABSENT),
        ("provisionerkey", "rack".to_owned(), "absent"),
        ("job", claim.job_id.to_string(), ABSENT),
    ]
}

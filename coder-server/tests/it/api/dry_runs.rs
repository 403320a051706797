//! What a version offers and asks for, and what it would make, over HTTP.

use super::harness::{Person, TestServer};
use coder_core::{
    id::{ProvisionerKeyId, TemplateVersionId},
    parameter::{ParameterType, ParameterValue, RichParameter},
    provisioner_job::{ProvisionerType, with_scope},
    service::{
        daemons::{DaemonIdentity, Daemons},
        jobs::{Claim, FoundResource, ImportResult, JobResult, Jobs, Work},
    },
    store::conformance::fixture,
    template_version::{ExternalAuthProvider, TemplateVersionPreset},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const VERSIONS: &str = "/api/v2/organizations/default/templateversions";

fn found(name: &str) -> FoundResource {
    FoundResource {
        resource: fixture::resource(1, fixture::id(1), name),
        agents: Vec::new(),
    }
}

/// Does the oldest job that waits.
async fn run(server: &TestServer, result: JobResult) -> Work {
    let deps = &server.state.deps;
    let identity = DaemonIdentity {
        organization_id: server.organization,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: "builtin".to_owned(),
        version: String::new(),
        api_version: String::new(),
        provisioners: vec![ProvisionerType::Echo],
        tags: with_scope(BTreeMap::new(), fixture::id(0)),
    };
    let daemon = Daemons::new(deps.clone()).register(&identity).await;
    let jobs = Jobs::new(deps.clone());
    let acquired = jobs.acquire(&daemon.unwrap()).await.unwrap().unwrap();
    let claim = Claim {
        job_id: acquired.job.id,
        lease: acquired.lease,
    };
    jobs.complete(claim, &result).await.unwrap();
    acquired.work
}

fn import() -> JobResult {
    let cpus = RichParameter {
        name: "cpus".to_owned(),
        kind: ParameterType::Number,
        default_value: "2".to_owned(),
        validation_max: Some(8),
        ..RichParameter::default()
    };
    let large = TemplateVersionPreset {
        id: fixture::id(0),
        template_version_id: fixture::id(0),
        name: "large".to_owned(),
        description: "Many processors".to_owned(),
        icon: "/icon/large.svg".to_owned(),
        default: true,
        prebuild_instances: None,
        parameters: vec![ParameterValue {
            name: "cpus".to_owned(),
            value: "8".to_owned(),
        }],
    };
    JobResult::Import(ImportResult {
        start_resources: vec![found("home"), found("machine")],
        stop_resources: vec![found("home")],
        parameters: vec![cpus],
        presets: vec![large],
        external_auth_providers: vec![ExternalAuthProvider {
            id: "git hub".to_owned(),
            optional: true,
        }],
        module_files: Some(b"modules".to_vec()),
    })
}

/// A version that `person` pushed, imported.
async fn version(server: &TestServer, person: &Person) -> String {
    let file = server.upload(person, "# template").await;
    let body = json!({ "storage_method": "file", "file_id": file, "provisioner": "echo" });
    let version = server.post(VERSIONS, person, body).await.expect(201);
    run(server, import()).await;
    let id = version["id"].as_str().unwrap();
    format!("/api/v2/templateversions/{id}")
}

#[tokio::test]
async fn a_version_tells_what_it_offers_and_asks_for() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let path = version(&server, &admin).await;
    let get = async |rest: &str| {
        server
            .get(&format!("{path}{rest}"), &admin)
            .await
            .expect(200)
    };
    let presets = get("/presets").await;
    let mut keys: Vec<_> = presets[0].as_object().unwrap().keys().collect();
    keys.sort();
    let expected = [
        "Default",
        "Description",
        "DesiredPrebuildInstances",
        "ID",
        "Icon",
        "Name",
        "Parameters",
    ];
    assert_eq!(keys, expected);
    assert_eq!(presets[0]["DesiredPrebuildInstances"], Value::Null);
    let parameters = json!([{ "Name": "cpus", "Value": "8" }]);
    assert_eq!(presets[0]["Parameters"], parameters);
    let logins = get("/external-auth").await;
    assert_eq!(logins[0]["id"], "git hub");
    assert_eq!(
        (&logins[0]["optional"], &logins[0]["authenticated"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(get("/rich-parameters").await[0]["form_type"], "input");
    let resources = get("/resources").await;
    let mut seen: Vec<_> = resources
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["workspace_transition"], one["name"]))
        .collect();
    seen.sort();
    let expected = [
        r#""start" "home""#,
        r#""start" "machine""#,
        r#""stop" "home""#,
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn modules_are_kept_once_and_given_to_later_jobs() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let path = version(&server, &admin).await;
        let id: TemplateVersionId = path.rsplit('/').next().unwrap().parse().unwrap();
        let mut tx = server.begin().await.unwrap();
        let values = tx.template_versions().terraform_values(id).await.unwrap();
        kept.push(values.module_files.unwrap());
        let file = tx.files().get(kept[0]).await.unwrap().unwrap();
        assert_eq!(file.data, b"modules");
        tx.rollback().await.unwrap();
    }
    assert_eq!(kept[0], kept[1]);
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_made() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let other = server.person("other", &[]).await;
    let path = version(&server, &admin).await;
    let runs = format!("{path}/dry-run");
    let body = |cpus: &str| json!({ "workspace_name": "dev", "rich_parameter_values": [{ "name": "cpus", "value": cpus }] });
    let refused = server.post(&runs, &admin, body("9")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.field().as_str()),
        (400, "cpus")
    );
    let named = server
        .post(&runs, &admin, json!({ "workspace_name": "no name" }))
        .await;
    assert_eq!(
        (named.status.as_u16(), named.field().as_str()),
        (400, "workspace_name")
    );
    let job = server.post(&runs, &admin, body("4")).await.expect(201);
    assert_eq!(
        (&job["type"], &job["status"]),
        (&json!("template_version_dry_run"), &json!("pending"))
    );
    let run_path = format!("{runs}/{}", job["id"].as_str().unwrap());
    let resources = format!("{run_path}/resources");
    assert_eq!(server.get(&resources, &admin).await.status, 412);
    let matched = format!("{run_path}/matched-provisioners");
    assert_eq!(server.get(&matched, &admin).await.expect(200)["count"], 1);

    let Work::DryRun(work) = run(&server, JobResult::DryRun(vec![found("machine")])).await else {
        panic!("a dry run")
    };
    assert_eq!(work.workspace_name, "dev");
    assert_eq!(work.parameters[0].value, "4");
    let done = server.get(&run_path, &admin).await.expect(200);
    assert_eq!(done["status"], "succeeded");
    let made = server.get(&resources, &admin).await.expect(200);
    assert_eq!(made[0]["name"], "machine");
    let logs = server.get(&format!("{run_path}/logs"), &admin).await;
    assert_eq!(logs.expect(200), json!([]));
    let cancel = format!("{run_path}/cancel");
    assert_eq!(server.patch(&cancel, &admin, json!({})).await.status, 412);
    for path in [&run_path, &resources, &matched] {
        assert_eq!(server.get(path, &other).await.status, 404, "{path}");
    }
    // A dry run is found below its own version only.
    let elsewhere = version(&server, &admin).await;
    let elsewhere = format!("{elsewhere}/dry-run/{}", job["id"].as_str().unwrap());
    assert_eq!(server.get(&elsewhere, &admin).await.status, 404);
}

#[tokio::test]
async fn dry_runs_are_canceled_and_bounded() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let path = version(&server, &admin).await;
    let runs = format!("{path}/dry-run");
    let mut last = Value::Null;
    for _ in 0..5 {
        last = server.post(&runs, &admin, json!({})).await.expect(201);
    }
    assert_eq!(server.post(&runs, &admin, json!({})).await.status, 409);
    let run_path = format!("{runs}/{}", last["id"].as_str().unwrap());
    let cancel = format!("{run_path}/cancel");
    server.patch(&cancel, &admin, json!({})).await.expect(200);
    let job = server.get(&run_path, &admin).await.expect(200);
    assert_eq!(job["status"], "canceled");
    server.post(&runs, &admin, json!({})).await.expect(201);
}

//! One template with everything that a template can write: see `everything.tf`.

use std::collections::{BTreeMap, BTreeSet};

use coder_provisioner::attributes::{self as a, Block, Presence, Shape as _};
use coder_provisioner::terraform::{graph::Graph, resources::convert, show::from_show};
use coder_provisioner::tfprovider::parameter_variable;
use hcl::Body;
use serde_json::Value;

use super::harness::{Terraform, available};

const TEMPLATE: &str = include_str!("everything.tf");
const STATE: &str = include_str!("everything.state.json");
const CONVERTED: &str = include_str!("everything.converted.json");

/// The variables of a build, all of them.
const VARIABLES: &[(&str, &str)] = &[
    (
        "CODER_WORKSPACE_BUILD_ID",
        "5e0c9b3f-2f7d-4f4e-9a3e-0c5f4f1b7a01",
    ),
    ("CODER_WORKSPACE_TRANSITION", "start"),
    ("CODER_WORKSPACE_ID", "workspace-id"),
    ("CODER_WORKSPACE_NAME", "dev"),
    ("CODER_WORKSPACE_TEMPLATE_ID", "template-id"),
    ("CODER_WORKSPACE_TEMPLATE_NAME", "everything"),
    ("CODER_WORKSPACE_TEMPLATE_VERSION", "v1"),
    ("CODER_WORKSPACE_IS_PREBUILD", "TRUE"),
    ("CODER_WORKSPACE_OWNER_ID", "owner-id"),
    ("CODER_WORKSPACE_OWNER", "ann"),
    ("CODER_WORKSPACE_OWNER_NAME", "Ann Example"),
    ("CODER_WORKSPACE_OWNER_EMAIL", "ann@example.com"),
    ("CODER_WORKSPACE_OWNER_SSH_PUBLIC_KEY", "ssh-ed25519 AAAA"),
    ("CODER_WORKSPACE_OWNER_SSH_PRIVATE_KEY", "private key"),
    (
        "CODER_WORKSPACE_OWNER_GROUPS",
        r#"["Everyone","developers"]"#,
    ),
    ("CODER_WORKSPACE_OWNER_SESSION_TOKEN", "session"),
    ("CODER_WORKSPACE_OWNER_OIDC_ACCESS_TOKEN", "oidc"),
    ("CODER_WORKSPACE_OWNER_LOGIN_TYPE", "password"),
    (
        "CODER_WORKSPACE_OWNER_RBAC_ROLES",
        r#"[{"name":"member","org_id":""},{"name":"organization-member","org_id":"org"}]"#,
    ),
    ("CODER_EXTERNAL_AUTH_ACCESS_TOKEN_primary-git", "git token"),
    ("CODER_SECRET_ENV_API_KEY", "key"),
    ("CODER_SECRET_FILE_7e2f2e6e65747263", "machine x"),
    ("CODER_TASK_ID", "7b9a3c52-54d3-4d05-8f24-6b0f4f2c9d10"),
    ("CODER_TASK_PROMPT", "Repair the build."),
    (
        "CODER_AGENT_SCRIPT_linux_arm64",
        "curl ${ACCESS_URL}bin; ${AUTH_TYPE}",
    ),
];

fn kinds() -> Vec<(&'static str, Block)> {
    vec![
        (a::Agent::TYPE_NAME, a::Agent::BLOCK),
        (a::AgentInstance::TYPE_NAME, a::AgentInstance::BLOCK),
        (a::AiTask::TYPE_NAME, a::AiTask::BLOCK),
        (a::App::TYPE_NAME, a::App::BLOCK),
        (a::Devcontainer::TYPE_NAME, a::Devcontainer::BLOCK),
        (a::Env::TYPE_NAME, a::Env::BLOCK),
        (a::ExternalAgent::TYPE_NAME, a::ExternalAgent::BLOCK),
        (a::ExternalAuth::TYPE_NAME, a::ExternalAuth::BLOCK),
        (a::Metadata::TYPE_NAME, a::Metadata::BLOCK),
        (a::Parameter::TYPE_NAME, a::Parameter::BLOCK),
        (a::Provisioner::TYPE_NAME, a::Provisioner::BLOCK),
        (a::Script::TYPE_NAME, a::Script::BLOCK),
        (a::Secret::TYPE_NAME, a::Secret::BLOCK),
        (a::Task::TYPE_NAME, a::Task::BLOCK),
        (a::Workspace::TYPE_NAME, a::Workspace::BLOCK),
        (a::WorkspaceOwner::TYPE_NAME, a::WorkspaceOwner::BLOCK),
        (a::WorkspacePreset::TYPE_NAME, a::WorkspacePreset::BLOCK),
        (a::WorkspaceTags::TYPE_NAME, a::WorkspaceTags::BLOCK),
    ]
}

/// The paths of what a body writes, such as `coder_agent.metadata.key`.
fn written(prefix: &str, body: &Body, paths: &mut BTreeSet<String>) {
    for attribute in body.attributes() {
        paths.insert(format!("{prefix}.{}", attribute.key()));
    }
    for block in body.blocks() {
        let path = format!("{prefix}.{}", block.identifier());
        paths.insert(path.clone());
        written(&path, block.body(), paths);
    }
}

/// The paths of what a block lets a template write.
fn writable(prefix: &str, block: &Block, paths: &mut BTreeSet<String>) {
    let attributes = block.attributes.iter();
    let attributes = attributes.filter(|one| one.presence != Presence::Computed);
    paths.extend(attributes.map(|one| format!("{prefix}.{}", one.name)));
    for nested in block.blocks {
        let path = format!("{prefix}.{}", nested.name);
        paths.insert(path.clone());
        writable(&path, &nested.block, paths);
    }
}

#[test]
fn the_template_leaves_nothing_out() {
    let body: Body = hcl::parse(TEMPLATE).unwrap();
    let mut found = BTreeSet::new();
    let mut used = BTreeSet::new();
    for block in body.blocks() {
        let kind = match block.identifier() {
            "provider" => "provider",
            _ => block.labels()[0].as_str(),
        };
        used.insert(kind.to_owned());
        written(kind, block.body(), &mut found);
    }
    let mut expected = BTreeSet::new();
    writable("provider", &a::Provider::BLOCK, &mut expected);
    for (name, block) in kinds() {
        assert!(used.contains(name), "{name}");
        writable(name, &block, &mut expected);
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Text in which the random ids are numbered, so that what points at another still does.
fn numbered(text: &str) -> String {
    let uuid = regex::Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    let given: Vec<_> = VARIABLES.iter().map(|(_, value)| *value).collect();
    let mut known = BTreeMap::new();
    let number = |found: &regex::Captures<'_>| {
        let id = found[0].to_owned();
        if given.contains(&id.as_str()) {
            return id;
        }
        let next = known.len() + 1;
        format!("id-{}", known.entry(id).or_insert(next))
    };
    uuid.replace_all(text, number).into_owned()
}

fn same(what: &str, found: &Value, expected: &str) {
    let found = numbered(&serde_json::to_string_pretty(found).unwrap());
    assert!(
        found.trim() == expected.trim(),
        "{what} is not as expected, but:\n{found}"
    );
}

fn workspace() -> Terraform {
    let mut terraform = Terraform::new(TEMPLATE, false);
    for (name, value) in VARIABLES {
        terraform.set(name, value);
    }
    terraform.set(&parameter_variable("choice"), "2");
    terraform
}

#[test]
fn everything_reaches_the_state_and_the_workspace() {
    if !available() {
        return;
    }
    let mut terraform = workspace();
    let warned = terraform.diagnostics();
    let is_old = |found: &Value| found["summary"] == "sidebar_app is deprecated";
    assert!(
        !warned.is_empty() && warned.iter().all(is_old),
        "{warned:#?}"
    );
    terraform.apply();
    let mut state = terraform.state();
    let machine = state.remove("data.coder_provisioner.this").unwrap();
    assert!(machine["os"].is_string() && machine["arch"].is_string());
    same("the state", &serde_json::to_value(&state).unwrap(), STATE);
    assert_eq!(terraform.plan(), [].into());

    let show = terraform.run(&["show", "-json", "-no-color"]).stdout;
    let graph = terraform.run(&["graph"]).stdout;
    let graph = Graph::parse(&String::from_utf8(graph).unwrap());
    let converted = convert(&from_show(&show).unwrap(), &graph).unwrap();
    let converted = serde_json::to_value(&converted).unwrap();
    same("what it stands for", &converted, CONVERTED);

    // The other way to name the app of a task gives the same.
    terraform.set("TF_VAR_task_by_app", "true");
    terraform.apply();
    let task = &terraform.state()["coder_ai_task.attribute[0]"];
    assert_eq!(task["app_id"], state["coder_ai_task.block[0]"]["app_id"]);

    terraform.set("CODER_WORKSPACE_TRANSITION", "stop");
    terraform.apply();
    assert!(!terraform.state().contains_key("terraform_data.machine[0]"));
}

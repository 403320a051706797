//! What becomes of templates.

use coder_provisioner::attributes::{Agent, Metadata, Parameter, WorkspaceOwner};
use coder_provisioner::tfprovider::{
    parameter_variable, previous_parameter_variable, running_agent_token_variable,
};
use serde_json::{Value, json};

use super::harness::{TLS, Terraform, available, text};

const TEMPLATE: &str = r#"
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}
data "coder_provisioner" "me" {}

data "coder_parameter" "size" {
  name    = "size"
  type    = "number"
  default = 2
  mutable = true
  validation {
    min       = 1
    max       = 8
    monotonic = "increasing"
  }
}

resource "coder_agent" "main" {
  os             = data.coder_provisioner.me.os
  arch           = data.coder_provisioner.me.arch
  startup_script = "echo ${data.coder_parameter.size.value}"
  env            = { SIZE = data.coder_parameter.size.value }
  metadata {
    key      = "cpu"
    script   = "coder stat cpu"
    interval = 10
  }
  display_apps {
    vscode = false
  }
}

resource "coder_app" "web" {
  agent_id = coder_agent.main.id
  slug     = "web"
  url      = "http://localhost:8080"
  healthcheck {
    url       = "http://localhost:8080/healthz"
    interval  = 5
    threshold = 3
  }
}

resource "coder_script" "hello" {
  agent_id     = coder_agent.main.id
  display_name = "Hello"
  script       = "echo hello"
  run_on_start = true
}

resource "coder_env" "name" {
  agent_id = coder_agent.main.id
  name     = "NAME"
  value    = data.coder_workspace.me.name
}

resource "terraform_data" "home" {
  input = data.coder_workspace.me.id
}

resource "terraform_data" "compute" {
  count = data.coder_workspace.me.start_count
  input = coder_agent.main.init_script
}
"#;

const EVERY_KIND: &str = r#"
provider "coder" {
  url = "https://other.example.com"
}
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}
data "coder_task" "me" {}
data "coder_external_auth" "git" {
  id       = "git"
  optional = true
}
data "coder_secret" "key" {
  env          = "KEY"
  help_message = "Add a key."
}
data "coder_workspace_tags" "where" {
  tags = { zone = "a" }
}
data "coder_parameter" "regions" {
  name      = "regions"
  type      = "list(string)"
  form_type = "multi-select"
  default   = jsonencode(["a"])
  option {
    name  = "A"
    value = "a"
  }
  option {
    name  = "B"
    value = "b"
  }
}
data "coder_workspace_preset" "small" {
  name       = "small"
  parameters = { regions = jsonencode(["b"]) }
  prebuilds {
    instances = 1
    expiration_policy {
      ttl = 3600
    }
    scheduling {
      timezone = "Europe/Zurich"
      schedule {
        cron      = "* 8-18 * * 1-5"
        instances = 3
      }
    }
  }
}
resource "coder_agent" "main" {
  os   = "linux"
  arch = "arm64"
  auth = "aws-instance-identity"
  resources_monitoring {
    memory {
      enabled   = true
      threshold = 80
    }
    volume {
      path      = "/home"
      enabled   = true
      threshold = 90
    }
    volume {
      path      = "/tmp"
      enabled   = false
      threshold = 10
    }
  }
}
resource "coder_agent_instance" "main" {
  agent_id    = coder_agent.main.id
  instance_id = "i-1"
}
resource "coder_devcontainer" "main" {
  agent_id         = coder_agent.main.id
  workspace_folder = "/work"
}
resource "coder_external_agent" "main" {
  agent_id = coder_agent.main.id
}
resource "coder_app" "task" {
  agent_id = coder_devcontainer.main.subagent_id
  slug     = "task"
  external = true
  url      = "vscode://a"
}
resource "coder_ai_task" "main" {
  app_id = coder_app.task.id
}
"#;

const ID: &str = "9b2b7a3e-9f7a-4f36-8c56-0d8b3d0a4f10";

fn workspace(tls: bool) -> Terraform {
    let script = "CODER_AGENT_SCRIPT_linux_amd64";
    Terraform::new(TEMPLATE, tls)
        .with("CODER_WORKSPACE_ID", ID)
        .with(script, "${ACCESS_URL}run")
}

#[test]
fn a_workspace_is_started_stopped_and_deleted() {
    if !available() {
        return;
    }
    for tls in TLS {
        let mut terraform = workspace(tls);
        let planned = terraform.plan();
        assert_eq!(planned["coder_agent.main"], ["create"]);
        let output = terraform.run(&["apply", "-input=false", "-no-color", "plan"]);
        assert!(output.status.success(), "{}", text(&output));

        let state = terraform.state();
        assert_eq!(state["terraform_data.home"]["output"], ID);
        let agent: Agent = serde_json::from_value(state["coder_agent.main"].clone()).unwrap();
        assert_eq!(agent.auth.as_deref(), Some("token"));
        assert_eq!(agent.connection_timeout, Some(120));
        assert_eq!(agent.env.clone().unwrap()["SIZE"], "2");
        assert_eq!(agent.metadata[0].interval, Some(10));
        let apps = agent.display_apps_or_default();
        assert_eq!((apps.vscode, apps.web_terminal), (Some(false), Some(true)));
        if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            let expected = "http://coder.example.com:3000/run";
            assert_eq!(state["terraform_data.compute[0]"]["output"], expected);
        }

        // Nothing has changed, so nothing happens.
        assert_eq!(terraform.plan(), [].into());

        terraform.set("CODER_WORKSPACE_TRANSITION", "stop");
        let planned = terraform.plan();
        assert_eq!(
            planned,
            [("terraform_data.compute[0]".into(), vec!["delete".into()])].into()
        );
        terraform.apply();
        let state = terraform.state();
        assert!(state.contains_key("terraform_data.home"));
        assert!(!state.contains_key("terraform_data.compute[0]"));

        terraform.set("CODER_WORKSPACE_TRANSITION", "start");
        terraform.apply();
        let again: Agent =
            serde_json::from_value(terraform.state()["coder_agent.main"].clone()).unwrap();
        assert_eq!(again.id, agent.id);
        assert_ne!(
            again.token, agent.token,
            "each build has a token of its own"
        );

        terraform.set("CODER_WORKSPACE_TRANSITION", "destroy");
        let output = terraform.run(&["destroy", "-auto-approve", "-input=false", "-no-color"]);
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(terraform.state(), [].into());
        assert_eq!(leftovers(&terraform), 0);
    }
}

/// What the processes left in the temporary folder.
fn leftovers(terraform: &Terraform) -> usize {
    std::fs::read_dir(terraform.temporary()).unwrap().count()
}

#[test]
fn a_changed_parameter_replaces_the_agent() {
    if !available() {
        return;
    }
    let mut terraform = workspace(false);
    terraform.apply();
    terraform.set(&parameter_variable("size"), "4");
    terraform.set(&previous_parameter_variable("size"), "2");
    assert_eq!(terraform.plan()["coder_agent.main"], ["delete", "create"]);
    terraform.apply();
    let state = terraform.state();
    assert_eq!(state["coder_agent.main"]["startup_script"], "echo 4");
    let parameter = state["data.coder_parameter.size"].clone();
    let parameter: Parameter = serde_json::from_value(parameter).unwrap();
    assert_eq!(parameter.value.as_deref(), Some("4"));
    assert_eq!(parameter.form_type.as_deref(), Some("input"));
    assert_eq!(parameter.validation[0].max_disabled, Some(false));

    terraform.set(&parameter_variable("size"), "3");
    terraform.set(&previous_parameter_variable("size"), "4");
    let found = terraform.diagnostics();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]["detail"]
            .as_str()
            .unwrap()
            .contains("only increase"),
        "{found:?}"
    );
}

#[test]
fn a_state_of_the_published_provider_replaces_nothing() {
    if !available() {
        return;
    }
    let template = r#"
resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}
resource "coder_env" "of_agent" {
  agent_id = coder_agent.main.id
  name     = "A"
}
"#;
    let terraform = Terraform::new(template, false);
    terraform.apply();
    let before = terraform.state();

    // It writes empty texts, and the block of which each attribute has its default.
    let path = terraform.path().join("terraform.tfstate");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for resource in state["resources"].as_array_mut().unwrap() {
        let is_agent = resource["type"] == "coder_agent";
        let attributes = &mut resource["instances"][0]["attributes"];
        if is_agent {
            attributes["dir"] = json!("");
            attributes["display_apps"] = json!([{
                "vscode": true, "vscode_insiders": false, "web_terminal": true,
                "port_forwarding_helper": true, "ssh_helper": true,
            }]);
        } else {
            attributes["value"] = json!("");
        }
    }
    std::fs::write(&path, state.to_string()).unwrap();

    let update = || vec!["update".to_owned()];
    let expected = ["coder_agent.main", "coder_env.of_agent"].map(|name| (name.into(), update()));
    assert_eq!(terraform.plan(), expected.into());
    terraform.apply();
    let after = terraform.state();
    assert_eq!(
        before["coder_agent.main"]["id"],
        after["coder_agent.main"]["id"]
    );
    assert_eq!(before["coder_env.of_agent"], after["coder_env.of_agent"]);
    assert_eq!(terraform.plan(), [].into());
}

#[test]
fn an_agent_that_keeps_running_keeps_its_token() {
    if !available() {
        return;
    }
    let terraform = workspace(false);
    let terraform = terraform.with(&running_agent_token_variable(""), "kept");
    terraform.apply();
    assert_eq!(terraform.state()["coder_agent.main"]["token"], "kept");
}

#[test]
fn blocks_and_resources_may_be_repeated_over_what_is_not_known_yet() {
    if !available() {
        return;
    }
    let terraform = Terraform::new(
        r#"
resource "terraform_data" "keys" {
  input = ["a", "b"]
}
resource "coder_agent" "main" {
  for_each = toset(["one", "two"])
  os       = "linux"
  arch     = "amd64"
  dynamic "metadata" {
    for_each = terraform_data.keys.output
    content {
      key      = metadata.value
      script   = "echo"
      interval = 1
    }
  }
  dynamic "display_apps" {
    for_each = terraform_data.keys.output == null ? [] : [1]
    content {
      vscode = false
    }
  }
}
resource "coder_metadata" "keys" {
  resource_id = terraform_data.keys.id
  item {
    key   = "unknown"
    value = terraform_data.keys.id
  }
  item {
    key = "null"
  }
}
"#,
        false,
    );
    terraform.apply();
    let state = terraform.state();
    let agent = &state["coder_agent.main[\"two\"]"];
    let agent: Agent = serde_json::from_value(agent.clone()).unwrap();
    let keys: Vec<_> = agent
        .metadata
        .iter()
        .map(|item| item.key.as_deref().unwrap())
        .collect();
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(agent.display_apps.len(), 1);
    let metadata = state["coder_metadata.keys"].clone();
    let metadata: Metadata = serde_json::from_value(metadata).unwrap();
    let nulls: Vec<_> = metadata.item.iter().map(|item| item.is_null).collect();
    assert_eq!(nulls, [Some(false), Some(true)]);
    assert_eq!(terraform.plan(), [].into());
}

#[test]
fn every_kind_of_resource_and_data_source_works() {
    if !available() {
        return;
    }
    let terraform = Terraform::new(EVERY_KIND, true)
        .with("CODER_SECRET_ENV_KEY", "hush")
        .with("CODER_WORKSPACE_OWNER_GROUPS", r#"["a"]"#)
        .with(
            "CODER_WORKSPACE_OWNER_RBAC_ROLES",
            r#"[{"name":"owner","org_id":""}]"#,
        )
        .with("CODER_EXTERNAL_AUTH_ACCESS_TOKEN_git", "token");
    terraform.apply();
    let state = terraform.state();
    assert_eq!(
        state["data.coder_workspace.me"]["access_url"],
        "https://other.example.com"
    );
    let owner = state["data.coder_workspace_owner.me"].clone();
    let owner: WorkspaceOwner = serde_json::from_value(owner).unwrap();
    assert_eq!(owner.rbac_roles.unwrap()[0].name, "owner");
    assert_eq!(state["data.coder_secret.key"]["value"], "hush");
    assert_eq!(
        state["data.coder_external_auth.git"]["access_token"],
        "token"
    );
    assert_eq!(state["data.coder_workspace_preset.small"]["id"], "small");
    assert_eq!(state["data.coder_parameter.regions"]["value"], r#"["a"]"#);
    let subagent = &state["coder_devcontainer.main"]["subagent_id"];
    assert_eq!(&state["coder_app.task"]["agent_id"], subagent);
    assert_eq!(state["coder_ai_task.main"]["enabled"], json!(false));
    assert_eq!(
        state["coder_ai_task.main"]["app_id"],
        state["coder_app.task"]["id"]
    );
    assert_eq!(terraform.plan(), [].into());
}

#[test]
fn the_example_is_planned() {
    if !available() {
        return;
    }
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/templates/local/main.tf"
    );
    let terraform = Terraform::new("", false);
    std::fs::copy(example, terraform.path().join("main.tf")).unwrap();
    assert_eq!(terraform.plan()["coder_agent.main"], ["create"]);
}

//! The Terraform provisioner with our own `coder/coder` provider: nothing is downloaded.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::parameter::ParameterValue;
use coder_core::workspace_build::WorkspaceTransition;
use coder_provisioner::conformance::{self, Case, Fixture, Recorder};
use coder_provisioner::protocol::{AgentAuth, ApplyRequest, Metadata, PlanRequest, Resource};
use coder_provisioner::{Provisioner, StateSink, TerraformOptions, provisioner_conformance};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::terraform::{Bench, tar};

/// A persistent and an ephemeral resource, and one of everything around an agent.
const WORKSPACE: &str = r#"
terraform {
  required_providers {
    coder = {
      source  = "coder/coder"
      version = "VERSION"
    }
  }
}
variable "region" {
  default = "eu"
}
data "coder_workspace" "me" {
}
data "coder_workspace_owner" "me" {
}
data "coder_parameter" "greeting" {
  name    = "greeting"
  type    = "string"
  default = "Hello"
  mutable = true
  order   = 1
}
resource "coder_agent" "main" {
  os             = "linux"
  arch           = "amd64"
  startup_script = "echo started"
  env = {
    REGION = var.region
  }
  metadata {
    key      = "cpu"
    script   = "coder stat cpu"
    interval = 10
  }
}
resource "coder_env" "greeting" {
  agent_id = coder_agent.main.id
  name     = "GREETING"
  value    = data.coder_parameter.greeting.value
}
resource "coder_script" "setup" {
  agent_id     = coder_agent.main.id
  display_name = "Setup"
  run_on_start = true
  script       = "true"
}
resource "coder_app" "web" {
  agent_id = coder_agent.main.id
  slug     = "web"
  url      = "http://localhost:8080"
}
resource "terraform_data" "disk" {
  input = data.coder_workspace.me.name
  provisioner "local-exec" {
    command = "echo first"
  }
}
resource "coder_metadata" "disk" {
  resource_id = terraform_data.disk.id
  daily_cost  = 3
  item {
    key   = "owner"
    value = data.coder_workspace_owner.me.name
  }
}
resource "terraform_data" "compute" {
  count            = data.coder_workspace.me.start_count
  triggers_replace = [coder_agent.main.token]
  input            = [terraform_data.disk.id, coder_agent.main.init_script]
  provisioner "local-exec" {
    command = "echo second"
  }
}
"#;

/// The bench of [`terraform`](crate::terraform) with our provider.
struct ProviderBench(Bench);

impl ProviderBench {
    fn new() -> Self {
        let provider = |options: &mut TerraformOptions| {
            options.provider_binary = Some(env!("CARGO_BIN_EXE_terraform-provider-coder").into());
        };
        Self(Bench::with(provider, std::env::vars_os().collect()))
    }

    /// Plans, and applies from the state before.
    async fn build(
        &self,
        transition: WorkspaceTransition,
        state: Bytes,
        apply_only: bool,
    ) -> (Vec<Resource>, Vec<Resource>, Bytes) {
        let (mut session, recorder) = self.0.open(workspace_archive(">= 2.4.0")).await;
        let metadata = metadata(transition);
        let greeting = ParameterValue {
            name: "greeting".into(),
            value: "Moin".into(),
        };
        let request = PlanRequest {
            metadata: metadata.clone(),
            rich_parameter_values: vec![greeting],
            state,
            apply_only,
            ..PlanRequest::default()
        };
        let cancel = CancellationToken::new();
        let planned = session.plan(request, &cancel).await;
        let planned = planned.unwrap_or_else(|error| {
            panic!("{}: {:#?}", error.chain(), recorder.logs());
        });
        let sink: Arc<dyn StateSink> = Arc::clone(&recorder) as _;
        let applied = session
            .apply(planned.handle, ApplyRequest { metadata }, sink, &cancel)
            .await;
        let applied = applied.unwrap_or_else(|failed| {
            panic!("{}: {:#?}", failed.error.chain(), recorder.logs());
        });
        (planned.resources, applied.resources, applied.state)
    }
}

fn workspace_archive(version: &str) -> Bytes {
    let template = WORKSPACE.replace("VERSION", version);
    // As the author's own terraform left it: with the hashes of another binary.
    let lock = "provider \"registry.terraform.io/coder/coder\" {\n  version = \"2.4.2\"\n  hashes = [\n    \"h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\n  ]\n}\n";
    tar(&[
        ("main.tf", &template),
        ("README.md", "# Ordinary"),
        (".terraform.lock.hcl", lock),
    ])
}

fn metadata(transition: WorkspaceTransition) -> Metadata {
    Metadata {
        agent_scripts: [("linux_amd64".into(), "#!/bin/sh ${ACCESS_URL}".into())].into(),
        ..conformance::metadata(transition)
    }
}

#[async_trait]
impl Fixture for ProviderBench {
    fn provisioner(&self) -> Arc<dyn Provisioner> {
        self.0.provisioner()
    }

    fn archive(&self, case: Case) -> Bytes {
        let template = match case {
            Case::Ordinary => return workspace_archive("~> 2.0"),
            Case::Broken => WORKSPACE
                .replace("VERSION", ">= 2.0")
                .replace("\"web\"", "\"NO WEB\""),
            Case::FailingApply | Case::SlowPlan | Case::SlowApply => return self.0.archive(case),
        };
        tar(&[("main.tf", &template)])
    }

    fn resources(&self, transition: WorkspaceTransition) -> Vec<&'static str> {
        // A coder_env is a resource in its own right, an app or a script is not.
        match transition {
            WorkspaceTransition::Start => vec!["compute", "disk", "greeting"],
            WorkspaceTransition::Stop => vec!["disk", "greeting"],
            WorkspaceTransition::Delete => vec![],
        }
    }

    async fn running(&self, case: Case, recorder: &Recorder) {
        self.0.running(case, recorder).await;
    }

    fn cancel_bound(&self) -> Duration {
        self.0.cancel_bound()
    }
}

provisioner_conformance!(ProviderBench::new());

fn one_agent(resources: &[Resource]) -> (&str, &coder_provisioner::protocol::Agent) {
    let agents: Vec<_> = resources
        .iter()
        .flat_map(|found| {
            found
                .agents
                .iter()
                .map(|agent| (found.name.as_str(), agent))
        })
        .collect();
    let [agent] = agents.as_slice() else {
        panic!("one agent expected: {resources:#?}")
    };
    *agent
}

#[tokio::test]
async fn a_start_has_its_agent_in_the_plan_and_in_the_state() {
    let bench = ProviderBench::new();
    let (planned, applied, _) = bench
        .build(WorkspaceTransition::Start, Bytes::new(), false)
        .await;
    for resources in [&planned, &applied] {
        let (resource, agent) = one_agent(resources);
        assert_eq!((resource, agent.name.as_str()), ("compute", "main"));
        assert_eq!(
            (agent.operating_system.as_str(), agent.architecture.as_str()),
            ("linux", "amd64")
        );
        assert_eq!(agent.apps.len(), 1, "{agent:#?}");
        assert_eq!(agent.apps[0].slug, "web");
        let scripts: Vec<_> = agent
            .scripts
            .iter()
            .map(|script| script.display_name.as_str())
            .collect();
        assert_eq!(scripts, ["Startup Script", "Setup"]);
        assert_eq!(agent.metadata[0].key, "cpu");
        let environment = agent.environment().unwrap();
        assert_eq!(environment["GREETING"], "Moin");
        assert_eq!(environment["REGION"], "eu");
        let disk = resources.iter().find(|found| found.name == "disk").unwrap();
        assert_eq!(disk.daily_cost, 3);
        assert_eq!(disk.metadata[0].value.as_deref(), Some("ann"));
    }
    let (_, agent) = one_agent(&applied);
    let AgentAuth::Token(token) = &agent.auth else {
        panic!("a token expected")
    };
    assert!(Uuid::parse_str(token.expose()).is_ok());
    assert!(Uuid::parse_str(&agent.apps[0].id).is_ok());
}

#[tokio::test]
async fn a_stop_ends_what_is_ephemeral_and_keeps_the_rest() {
    let bench = ProviderBench::new();
    let (_, started, state) = bench
        .build(WorkspaceTransition::Start, Bytes::new(), true)
        .await;
    let (_, stopped, state) = bench.build(WorkspaceTransition::Stop, state, true).await;
    assert!(
        stopped
            .iter()
            .all(|found| found.agents.is_empty() && found.name != "compute")
    );
    assert!(stopped.iter().any(|found| found.name == "disk"));
    let (_, again, _) = bench.build(WorkspaceTransition::Start, state, true).await;
    let token = |resources: &[Resource]| one_agent(resources).1.auth.clone();
    assert_ne!(
        token(&started),
        token(&again),
        "each start has a token of its own"
    );
}

#[tokio::test]
async fn an_import_finds_parameters_and_both_sets_of_resources() {
    let bench = ProviderBench::new();
    let (mut session, _) = bench.0.open(workspace_archive("2.99.0")).await;
    let cancel = CancellationToken::new();
    let mut counts = Vec::new();
    for transition in [WorkspaceTransition::Start, WorkspaceTransition::Stop] {
        let mut request = PlanRequest {
            metadata: metadata(transition),
            ..PlanRequest::default()
        };
        request.metadata.workspace_build_id = None;
        let planned = session.plan(request, &cancel).await.unwrap();
        let [parameter] = planned.rich_parameters.as_slice() else {
            panic!("one parameter expected: {:?}", planned.rich_parameters)
        };
        assert_eq!(
            (parameter.name.as_str(), parameter.default_value.as_str()),
            ("greeting", "Hello")
        );
        assert!(!parameter.required);
        assert_eq!(planned.daily_cost(), 3);
        counts.push(planned.resources.len());
    }
    assert_eq!(counts, [3, 2]);
}

#[tokio::test]
async fn templates_that_pin_a_version_work() {
    let bench = ProviderBench::new();
    for version in ["2.4.2", "= 1.0.3", "~> 0.23.0", ">= 2.1, < 2.5"] {
        let (mut session, recorder) = bench.0.open(workspace_archive(version)).await;
        let request = PlanRequest {
            metadata: metadata(WorkspaceTransition::Start),
            ..PlanRequest::default()
        };
        let planned = session.plan(request, &CancellationToken::new()).await;
        assert!(planned.is_ok(), "{version}: {:#?}", recorder.logs());
    }
}

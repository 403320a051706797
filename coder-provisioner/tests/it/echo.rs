//! The echo provisioner passes the conformance checks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::provisioner_job::LogLevel;
use coder_core::workspace_build::WorkspaceTransition;
use coder_provisioner::conformance::{Case, Fixture, Recorder};
use coder_provisioner::echo::{EchoProvisioner, EchoScript};
use coder_provisioner::protocol::{Log, Resource, TemplateVariable};
use coder_provisioner::{Provisioner, provisioner_conformance};

struct EchoFixture(EchoProvisioner);

fn resource(name: &str) -> Resource {
    Resource {
        name: name.into(),
        kind: "null".into(),
        ..Resource::default()
    }
}

#[async_trait]
impl Fixture for EchoFixture {
    fn provisioner(&self) -> Arc<dyn Provisioner> {
        Arc::new(self.0.clone())
    }

    fn archive(&self, case: Case) -> Bytes {
        let mut script = EchoScript::default();
        script.parse.template_variables = vec![TemplateVariable {
            name: "region".into(),
            description: String::new(),
            kind: "string".into(),
            default_value: "eu".into(),
            required: false,
            sensitive: false,
        }];
        script.plan.start_resources = vec![resource("disk"), resource("compute")];
        script.plan.stop_resources = vec![resource("disk")];
        let line = |text: &str| Log::new(LogLevel::Info, text);
        script.apply.step.logs = vec![line("first"), line("second")];
        match case {
            Case::Ordinary => {}
            Case::Broken => script.plan.step.error = Some("no such thing".into()),
            Case::FailingApply => script.apply.step.error = Some("out of disks".into()),
            Case::SlowPlan => script.plan.step.wait_for = Some("plan".into()),
            Case::SlowApply => {
                script.apply.snapshot = Some("one disk".into());
                script.apply.step.wait_for = Some("apply".into());
            }
        }
        script.to_archive("# Ordinary").unwrap()
    }

    fn resources(&self, transition: WorkspaceTransition) -> Vec<&'static str> {
        match transition {
            WorkspaceTransition::Start => vec!["compute", "disk"],
            WorkspaceTransition::Stop => vec!["disk"],
            WorkspaceTransition::Delete => vec![],
        }
    }

    async fn running(&self, case: Case, _recorder: &Recorder) {
        self.0
            .reached(if case == Case::SlowPlan {
                "plan"
            } else {
                "apply"
            })
            .await;
    }

    fn cancel_bound(&self) -> Duration {
        Duration::from_secs(1)
    }
}

provisioner_conformance!(EchoFixture(EchoProvisioner::new()));

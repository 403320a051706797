//! The process provisioner passes the conformance checks.

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::workspace_build::WorkspaceTransition;
use coder_examples::process::{ProcessProvisioner, Template, Variable};
use coder_provisioner::{
    Provisioner,
    conformance::{Case, Fixture, Recorder},
    provisioner_conformance,
};
use std::{sync::Arc, time::Duration};

struct ProcessFixture(tempfile::TempDir);

#[async_trait]
impl Fixture for ProcessFixture {
    fn provisioner(&self) -> Arc<dyn Provisioner> {
        Arc::new(ProcessProvisioner::new(self.0.path().to_owned()))
    }

    fn archive(&self, case: Case) -> Bytes {
        let text = |text: &str| text.to_owned();
        let (check, setup) = match case {
            Case::Ordinary => ("", "echo first; echo second >&2"),
            Case::Broken => ("echo nothing works here; exit 3", ""),
            Case::FailingApply => ("", "exit 3"),
            Case::SlowPlan => ("echo checking; sleep 600", ""),
            Case::SlowApply => ("", "echo preparing; sleep 600 & sleep 600"),
        };
        let template = Template {
            variables: vec![Variable {
                name: text("region"),
                description: String::new(),
                default: Some(text("eu")),
            }],
            check: text(check),
            setup: text(setup),
            command: vec![text("sleep"), text("600")],
            environment: [].into(),
        };
        template.to_archive("# Ordinary").expect("written").into()
    }

    fn resources(&self, transition: WorkspaceTransition) -> Vec<&'static str> {
        match transition {
            WorkspaceTransition::Start => vec!["home", "main"],
            WorkspaceTransition::Stop => vec!["home"],
            WorkspaceTransition::Delete => vec![],
        }
    }

    async fn running(&self, case: Case, recorder: &Recorder) {
        let line = if case == Case::SlowPlan {
            "checking"
        } else {
            "preparing"
        };
        recorder.logged(line).await;
    }

    fn cancel_bound(&self) -> Duration {
        Duration::from_secs(1)
    }
}

impl Drop for ProcessFixture {
    fn drop(&mut self) {
        // Some checks leave their workspace running: whatever runs in its folder ends.
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let inside = std::fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|folder| folder.starts_with(self.0.path()));
            let pid = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if let (true, Some(pid)) = (inside, pid.and_then(rustix::process::Pid::from_raw)) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

provisioner_conformance!(ProcessFixture(tempfile::tempdir().expect("a folder")));

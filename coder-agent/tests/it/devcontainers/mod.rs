//! Dev containers: with fakes of Docker and of the command line of dev containers, which say that they are,
//! and with the real ones where both are there.

mod fakes;
mod real;
mod sessions;

use std::path::Path;
use std::sync::{Arc, Mutex};

use coder_agent::devcontainers::{Devcontainers, DevcontainersOptions, Place, Refusal};
use coder_agent::protocol::{
    Devcontainer, DevcontainerStatus, PostLogSourceRequest, WorkspaceAgentDevcontainer,
};
use coder_agent::ssh::{Environment, User};
use coder_agent::testing::FakeAgentApi;
use coder_core::clock::OsEntropy;
use coder_core::id::{DevcontainerId, LogSourceId, WorkspaceAgentId};
use uuid::Uuid;

use crate::support::{manifest, until};

/// Dev containers of a workspace that a test looks at.
struct Running {
    api: Arc<FakeAgentApi>,
    devcontainers: Devcontainers,
    lines: Arc<Mutex<Vec<String>>>,
    template: Vec<Devcontainer>,
}

fn project(number: u128, name: &str, subagent_id: Option<WorkspaceAgentId>) -> Devcontainer {
    Devcontainer {
        id: DevcontainerId(Uuid::from_u128(number)),
        name: name.to_owned(),
        workspace_folder: format!("~/{name}"),
        config_path: String::new(),
        subagent_id,
    }
}

impl Running {
    fn new(
        environment: Environment,
        home: &Path,
        template: Vec<Devcontainer>,
        change: impl FnOnce(&mut DevcontainersOptions),
    ) -> Self {
        let mut manifest = manifest();
        manifest.devcontainers.clone_from(&template);
        let api = Arc::new(FakeAgentApi::new(manifest));
        let mut options = DevcontainersOptions {
            enable: true,
            discovery: false,
            autostart: false,
            executable: None,
            url: "http://coder.test/".to_owned(),
            entropy: Arc::new(OsEntropy),
        };
        change(&mut options);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let log = move |_, line: &str| kept.lock().unwrap().push(line.to_owned());
        let source = PostLogSourceRequest {
            id: LogSourceId(Uuid::from_u128(1)),
            display_name: "Dev Containers".to_owned(),
            icon: String::new(),
        };
        let devcontainers =
            Devcontainers::new(options, Arc::clone(&api) as Arc<_>, source, Arc::new(log));
        let user = User {
            name: "alice".into(),
            home: home.to_owned(),
            shell: "/bin/sh".into(),
        };
        let place = Place {
            environment,
            directory: home.to_owned(),
        };
        devcontainers.update(place, &user, &template);
        let looking = devcontainers.clone();
        tokio::spawn(async move { looking.run().await });
        Self {
            api,
            devcontainers,
            lines,
            template,
        }
    }

    async fn start(&self) -> bool {
        self.devcontainers.start(&self.template).await
    }

    fn named(&self, name: &str) -> Option<WorkspaceAgentDevcontainer> {
        let list = self.devcontainers.list().devcontainers.into_iter();
        list.into_iter().find(|one| one.name == name)
    }

    async fn is(&self, name: &str, status: DevcontainerStatus) {
        let is = || self.named(name).is_some_and(|one| one.status == status);
        until(&format!("{name} to be {status:?}"), is).await;
    }
}

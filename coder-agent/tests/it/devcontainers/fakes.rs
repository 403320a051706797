//! With fakes of both programs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use coder_agent::ErrorKind;
use coder_agent::http_api::{self, HttpApi};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::soon;

/// A home with both fakes on the `PATH`, and projects.
pub(super) struct Fakes {
    pub(super) home: tempfile::TempDir,
}

pub(super) fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Stands for the agent inside: writes down what it was given, and stays.
const AGENT: &str = "#!/bin/sh\necho \"$* $CODER_AGENT_TOKEN $CODER_AGENT_URL $FAKE_USER\" >>\"$FAKE_STATE/started\"\n\
                     exec sleep 300\n";

impl Fakes {
    pub(super) fn new(projects: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("bin")).unwrap();
        let fakes = Self { home };
        executable(&fakes.at("bin/docker"), include_str!("docker.sh"));
        executable(
            &fakes.at("bin/devcontainer"),
            include_str!("devcontainer.sh"),
        );
        executable(&fakes.at("agent"), AGENT);
        for (name, configuration) in projects {
            fakes.configure(name, configuration);
        }
        fakes
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn configure(&self, project: &str, configuration: &str) {
        let folder = self.at(project).join(".devcontainer");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("devcontainer.json"), configuration).unwrap();
    }

    pub(super) fn environment(&self) -> Environment {
        let path = format!(
            "{}:{}",
            self.at("bin").display(),
            std::env::var("PATH").unwrap()
        );
        Environment::from([
            ("PATH".into(), path.into()),
            ("HOME".into(), self.home.path().into()),
            ("FAKE_STATE".into(), self.home.path().into()),
        ])
    }

    fn running(
        &self,
        template: Vec<Devcontainer>,
        change: impl FnOnce(&mut DevcontainersOptions),
    ) -> Running {
        Running::new(self.environment(), self.home.path(), template, change)
    }

    fn with_agents(&self, template: Vec<Devcontainer>) -> Running {
        let agent = self.at("agent");
        self.running(template, |options| options.executable = Some(agent))
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap_or_default()
    }
}

#[tokio::test]
async fn what_the_template_names_is_started_with_an_agent_inside() {
    let said = r#"{"name":"inner","displayApps":{"vscode":false},"apps":[{"slug":"docs","url":"http://localhost:1"}]}"#;
    let fakes = Fakes::new(&[("one", said), ("two", "{}")]);
    let foreseen = WorkspaceAgentId(Uuid::from_u128(77));
    let template = vec![project(1, "one", None), project(2, "two", Some(foreseen))];
    let running = fakes.with_agents(template);
    assert!(running.start().await);
    for name in ["one", "two"] {
        running.is(name, DevcontainerStatus::Running).await;
    }
    let lines = running.lines.lock().unwrap().clone();
    for expected in ["Starting the dev container one", "making one", "making two"] {
        assert!(lines.iter().any(|line| line == expected), "{lines:?}");
    }
    assert_eq!(running.api.recorded().log_sources.len(), 1);

    until("both agents", || fakes.read("started").lines().count() == 2).await;
    let asked = running.api.sub_agents();
    let names: Vec<&str> = asked.values().map(|one| one.name.as_str()).collect();
    assert!(
        names.contains(&"inner") && names.contains(&"two"),
        "{names:?}"
    );
    let inner = asked.values().find(|one| one.name == "inner").unwrap();
    assert_eq!(inner.directory, "/workspaces/one");
    assert_eq!(inner.apps[0].slug, "docs");
    assert!(!inner.display_apps.contains(&"vscode".to_owned()));
    assert_eq!(asked[&foreseen].name, "two");

    // As the remote user, with the token by the environment alone.
    let token = Uuid::from_u128(0x70CE).to_string();
    let expected =
        format!("agent --devcontainers-enable=false --no-reap {token} http://coder.test/ ann");
    assert!(
        fakes.read("started").lines().all(|line| line == expected),
        "{}",
        fakes.read("started")
    );
    assert!(
        !fakes.read("calls").contains(&token),
        "no token on a command line"
    );
    let shown = running.named("one").unwrap();
    assert_eq!(shown.agent.unwrap().name, "inner");
    assert_eq!(shown.container.unwrap().id, "id-one");
    assert!(!shown.dirty && shown.error.is_empty());

    soon(running.devcontainers.close()).await;
    let left = running.api.sub_agents();
    assert_eq!(
        left.into_keys().collect::<Vec<_>>(),
        [foreseen],
        "what the template foresees stays"
    );
}

#[tokio::test]
async fn a_failure_is_told_and_may_be_mended() {
    let fakes = Fakes::new(&[]);
    let running = fakes.running(vec![project(1, "one", None)], |_| {});
    assert!(!running.start().await);
    let shown = running.named("one").unwrap();
    assert_eq!(shown.status, DevcontainerStatus::Error);
    assert!(
        shown.error.contains("devcontainer.json) not found"),
        "{}",
        shown.error
    );
    let lines = running.lines.lock().unwrap().clone();
    assert!(lines.last().unwrap().contains("does not run"), "{lines:?}");
    fakes.configure("one", "{}");
    running.devcontainers.recreate(shown.id).unwrap();
    running.is("one", DevcontainerStatus::Running).await;
    assert!(running.named("one").unwrap().error.is_empty());
}

#[tokio::test]
async fn containers_are_made_anew_and_removed() {
    let fakes = Fakes::new(&[("one", "{}")]);
    let running = fakes.with_agents(vec![project(1, "one", None)]);
    assert!(running.start().await);
    running.is("one", DevcontainerStatus::Running).await;
    until("an agent", || fakes.read("started").lines().count() == 1).await;
    let id = running.named("one").unwrap().id;

    let mut changes = running.devcontainers.watch();
    let changed = running.named("one").unwrap().container.unwrap().created_at;
    running.devcontainers.recreate(id).unwrap();
    assert_eq!(running.devcontainers.recreate(id), Err(Refusal::Busy));
    assert_eq!(running.devcontainers.delete(id).await, Err(Refusal::Busy));
    assert_eq!(
        running.named("one").unwrap().status,
        DevcontainerStatus::Starting
    );
    let anew = |list: &std::sync::Arc<coder_agent::protocol::ListContainersResponse>| {
        let mut all = list.devcontainers.iter();
        all.any(|one| {
            let made = one
                .container
                .as_ref()
                .is_some_and(|container| container.created_at > changed);
            made && one.status == DevcontainerStatus::Running
        })
    };
    soon(changes.wait_for(anew)).await.unwrap();
    assert!(fakes.read("calls").contains("--remove-existing-container"));
    until("another agent", || {
        fakes.read("started").lines().count() == 2
    })
    .await;
    assert_eq!(running.api.sub_agents().len(), 1, "the first one was ended");

    soon(running.devcontainers.delete(id)).await.unwrap();
    running.is("one", DevcontainerStatus::Stopped).await;
    assert!(running.named("one").unwrap().container.is_none());
    assert!(running.devcontainers.list().containers.is_empty());
    until("no agent", || running.api.sub_agents().is_empty()).await;
    let unknown = DevcontainerId(Uuid::from_u128(9));
    assert_eq!(
        running.devcontainers.recreate(unknown),
        Err(Refusal::NotFound)
    );
    assert_eq!(
        running.devcontainers.delete(unknown).await,
        Err(Refusal::NotFound)
    );
    running.devcontainers.close().await;
}

#[tokio::test]
async fn projects_are_found_and_only_started_when_told() {
    let fakes = Fakes::new(&[("one", "{}"), ("two", "{}")]);
    let running = fakes.running(vec![project(1, "one", None)], |options| {
        options.discovery = true
    });
    assert!(running.start().await);
    running.is("one", DevcontainerStatus::Running).await;
    let names: Vec<String> = running
        .devcontainers
        .list()
        .devcontainers
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(
        names,
        ["one", "two"],
        "the template's is not found a second time"
    );
    assert_eq!(
        running.named("two").unwrap().status,
        DevcontainerStatus::Stopped
    );
    running.devcontainers.close().await;

    let running = fakes.running(Vec::new(), |options| {
        options.discovery = true;
        options.autostart = true;
    });
    assert!(running.start().await);
    running.is("two", DevcontainerStatus::Running).await;
    running.devcontainers.close().await;
}

#[tokio::test]
async fn without_the_programs_the_workspace_works() {
    let home = tempfile::tempdir().unwrap();
    let empty = Environment::from([("PATH".into(), home.path().into())]);
    let running = Running::new(empty.clone(), home.path(), Vec::new(), |_| {});
    assert!(running.start().await);
    assert_eq!(running.devcontainers.list(), Default::default());
    let running = Running::new(empty, home.path(), vec![project(1, "one", None)], |_| {});
    assert!(!running.start().await, "what the template names is missing");
    let shown = running.named("one").unwrap();
    assert!(
        shown.error.contains("install @devcontainers/cli"),
        "{}",
        shown.error
    );
    assert_eq!(
        running.devcontainers.recreate(shown.id),
        Err(Refusal::NoCli)
    );
    assert_eq!(
        running.devcontainers.delete(shown.id).await,
        Err(Refusal::NoEngine)
    );
    let fakes = Fakes::new(&[("one", "{}")]);
    let off = fakes.running(vec![project(1, "one", None)], |options| {
        options.enable = false
    });
    assert!(off.start().await);
    assert_eq!(fakes.read("calls"), "");
}

#[tokio::test]
async fn an_agent_started_again_ends_what_the_one_before_began() {
    let fakes = Fakes::new(&[("one", "{}")]);
    let running = fakes.with_agents(vec![project(1, "one", None)]);
    assert!(running.start().await);
    until("an agent", || fakes.read("started").lines().count() == 1).await;
    // The agent of the workspace is killed; another one comes, to the same server.
    let again = Devcontainers::new(
        DevcontainersOptions {
            enable: true,
            discovery: false,
            autostart: false,
            executable: Some(fakes.at("agent")),
            url: "http://coder.test/".to_owned(),
            entropy: Arc::new(OsEntropy),
        },
        Arc::clone(&running.api) as Arc<_>,
        PostLogSourceRequest {
            id: LogSourceId(Uuid::from_u128(1)),
            display_name: String::new(),
            icon: String::new(),
        },
        Arc::new(|_, _: &str| {}),
    );
    let user = User {
        name: "alice".into(),
        home: fakes.home.path().to_owned(),
        shell: "/bin/sh".into(),
    };
    let place = Place {
        environment: fakes.environment(),
        directory: fakes.home.path().to_owned(),
    };
    again.update(place, &user, &[]);
    let looking = again.clone();
    tokio::spawn(async move { looking.run().await });
    until("the agent of the second", || {
        fakes.read("started").lines().count() == 2
    })
    .await;
    // Had that of the first not been ended, its name would not have been free.
    let asked = running.api.sub_agents();
    assert!(asked.values().all(|one| one.name == "one"), "{asked:?}");
    let list = again.list().devcontainers;
    assert_eq!(list[0].name, "one", "known by its container alone");
    again.close().await;
    running.devcontainers.close().await;
}

#[tokio::test]
async fn the_agents_own_api_tells_of_containers() {
    let fakes = Fakes::new(&[("one", "{}")]);
    let running = fakes.running(vec![project(1, "one", None)], |_| {});
    let api = HttpApi::default().with_devcontainers(running.devcontainers.clone());
    let stream = || {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let api = api.clone();
        tokio::spawn(async move { api.serve(far, CancellationToken::new()).await });
        near
    };
    let before = http_api::containers(stream()).await.unwrap();
    assert_eq!(before, running.devcontainers.list());
    let id = before.devcontainers[0].id;
    http_api::recreate_devcontainer(stream(), id).await.unwrap();
    let busy = http_api::recreate_devcontainer(stream(), id).await;
    let busy = busy.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict);
    assert!(busy.message().contains("wait until"), "{busy}");
    running.is("one", DevcontainerStatus::Running).await;
    let after = http_api::containers(stream()).await.unwrap();
    assert_eq!(after.containers[0].id, "id-one");
    let unknown = DevcontainerId(Uuid::from_u128(9));
    let unknown = http_api::recreate_devcontainer(stream(), unknown).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    for odd in [
        "/api/v0/containers/devcontainers/x/recreate",
        "/api/v0/containers/x",
    ] {
        let answer = http_api::get::<serde_json::Value>(stream(), odd).await;
        assert!(answer.is_err(), "{odd}");
    }
}

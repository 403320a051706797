//! With the real Docker and the real command line of dev containers, where both are there:
//! `CODER_TEST_DOCKER_IMAGE` names an image with a shell (and `DOCKER_HOST` the engine, if it is another).

use super::*;
use crate::support::{TestServer, soon};

/// The image, or `None` with the printed reason.
fn image() -> Option<String> {
    let found = std::env::var("CODER_TEST_DOCKER_IMAGE").ok();
    let works = |program: &str| {
        std::process::Command::new(program)
            .arg("--version")
            .output()
            .is_ok()
    };
    if found.is_none() || !works("docker") || !works("devcontainer") {
        eprintln!("skipped: docker, devcontainer and CODER_TEST_DOCKER_IMAGE are needed");
        return None;
    }
    found
}

/// A container that goes away with the test.
struct Removed(String);

impl Drop for Removed {
    fn drop(&mut self) {
        let filter = format!("label=devcontainer.local_folder={}", self.0);
        let ids = std::process::Command::new("docker")
            .args(["ps", "-aq", "--filter", &filter])
            .output();
        let ids = String::from_utf8_lossy(&ids.unwrap().stdout).into_owned();
        for id in ids.split_whitespace() {
            let _ = std::process::Command::new("docker")
                .args(["rm", "-f", id])
                .output();
        }
    }
}

#[tokio::test]
async fn a_real_dev_container_has_a_real_agent_inside() {
    let Some(image) = image() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("proj/.devcontainer");
    std::fs::create_dir_all(&folder).unwrap();
    let configuration = format!(
        r#"{{ // A comment.
        "image": "{image}", "runArgs": ["--network=host"], "updateRemoteUserUID": false,
        "customizations": {{ "coder": {{ "name": "inner" }} }}, }}"#
    );
    std::fs::write(folder.join("devcontainer.json"), configuration).unwrap();
    let _removed = Removed(home.path().join("proj").display().to_string());
    // The agent inside connects to this one.
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    *server.state.token.lock().unwrap() = Uuid::from_u128(0x70CE).to_string();
    let url = server.url.as_str().replace("localhost", "127.0.0.1");
    let mut environment: Environment = std::env::vars_os().collect();
    environment.insert("HOME".into(), home.path().into());
    let running = Running::new(
        environment.clone(),
        home.path(),
        vec![project(1, "proj", None)],
        |options| {
            // Static, so that it runs in any image.
            let binary = std::env::var_os("CODER_TEST_AGENT_BINARY");
            options.executable = binary.map(Into::into);
            options.url = url;
        },
    );
    assert!(running.start().await, "{:?}", running.lines.lock().unwrap());
    running.is("proj", DevcontainerStatus::Running).await;
    let shown = running.named("proj").unwrap();
    let container = shown.container.clone().unwrap();
    assert!(!shown.dirty && container.image == image);

    let into = [("CODER_CONTAINER", container.id.as_str())];
    let text = "pwd; ls /workspaces";
    let inside = super::sessions::session(&environment, home.path(), &into, Some(text), false, b"");
    let (status, output) = inside.await;
    assert_eq!(status, 0, "{output}");
    assert!(output.contains("proj"), "{output}");

    if std::env::var_os("CODER_TEST_AGENT_BINARY").is_some() {
        soon(server.tunnel()).await.ping().await.unwrap();
        assert_eq!(running.named("proj").unwrap().agent.unwrap().name, "inner");
    } else {
        eprintln!("the agent inside is skipped: CODER_TEST_AGENT_BINARY names no static agent");
    }
    soon(running.devcontainers.delete(shown.id)).await.unwrap();
    assert!(running.named("proj").unwrap().container.is_none());
    running.devcontainers.close().await;
}

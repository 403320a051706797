use std::process::Command;

use coder_agent::reconnecting_pty::{Backend, ReconnectingPtyInit};

use super::harness::{Scene, terminal};
use crate::support::until;

#[expect(clippy::print_stderr, reason = "a skip has a printed reason")]
fn has_screen() -> bool {
    let found = Command::new("screen").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: screen is not installed");
    }
    found
}

fn screen(command: &str) -> ReconnectingPtyInit {
    ReconnectingPtyInit {
        backend_type: Backend::Screen,
        ..terminal(command)
    }
}

/// The processes of a session, which has the terminal's id as its name.
fn processes(init: &ReconnectingPtyInit) -> usize {
    let name = init.id.simple().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let named = processes.filter(|process| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&name)
    });
    named.count()
}

#[tokio::test]
async fn screen_keeps_a_session_when_the_agent_is_lost() {
    if !has_screen() {
        return;
    }
    let init = screen("");
    let first = Scene::new();
    let mut viewer = first.attach(&init).await;
    viewer.types("echo $((6 * 7))in$STY; KEPT=yes\r").await;
    viewer.until("42in").await;
    viewer.until(&init.id.simple().to_string()).await;
    // What screen uses for itself by default is the program's.
    viewer.types("\x01\r").await;
    drop(viewer);

    // Another agent, which knows nothing of the first.
    let second = Scene::new();
    let mut viewer = second.attach(&init).await;
    viewer.types("echo kept:$KEPT\r").await;
    viewer.until("kept:yes").await;
    viewer.types("exit\r").await;
    viewer.end().await;
    second.no_terminals().await;
    until("the session is gone", || processes(&init) == 0).await;
}

#[tokio::test]
async fn a_session_of_screen_ends_with_its_terminal() {
    if !has_screen() {
        return;
    }
    let init = screen("echo up; sleep 1000");
    let scene = Scene::new();
    let mut viewer = scene.attach(&init).await;
    viewer.until("up").await;
    assert!(processes(&init) > 0);
    scene.server.close().await;
    until("the session is gone", || processes(&init) == 0).await;
}

#[tokio::test]
async fn without_screen_the_agent_keeps_the_terminal() {
    let scene = Scene::new();
    let folder = scene.path("empty");
    std::fs::create_dir(&folder).unwrap();
    let mut init = screen("");
    let mut environment = coder_agent::ssh::WorkspaceEnvironment::default();
    environment
        .environment_variables
        .insert("PATH".into(), folder);
    init.command = "echo plain:$STY:".into();
    scene.ssh.update(coder_agent::ssh::WorkspaceSettings {
        environment,
        ..Default::default()
    });
    let mut viewer = scene.attach(&init).await;
    assert_eq!(viewer.end().await, "plain::\r\n");
}

use std::time::Duration;

use coder_agent::reconnecting_pty::ReconnectingPtyInit;
use tokio::io::AsyncReadExt as _;

use super::harness::{Scene, terminal};
use crate::support::{soon, until};

#[tokio::test]
async fn a_shell_has_the_workspace_environment() {
    let scene = Scene::new();
    let mut viewer = scene.attach(&terminal("")).await;
    viewer
        .types(
            "stty size; echo \"[$TERM|$LC_CTYPE|$CODER_WORKSPACE_NAME|$SSH_TTY|$-|$PWD]\"; exit\r",
        )
        .await;
    let home = scene.path("");
    let shown = viewer.end().await;
    assert!(shown.contains("24 80\r\n"), "{shown:?}");
    let expected = "[xterm-256color|C.UTF-8|dev|/dev/pts/";
    assert!(shown.contains(expected), "{shown:?}");
    assert!(shown.contains(home.trim_end_matches('/')), "{shown:?}");
    scene.no_terminals().await;
}

#[tokio::test]
async fn a_terminal_goes_on_and_is_replayed() {
    let scene = Scene::new();
    let init = terminal("stty -echo; echo first; read line; echo got $line; read line; echo end");
    let mut viewer = scene.attach(&init).await;
    viewer.until("first").await;
    viewer.types("one\r").await;
    viewer.until("got one").await;
    drop(viewer);
    until("nobody watches", || scene.server.session_count() == 0).await;
    assert_eq!(scene.server.terminal_count(), 1);

    let mut again = scene.attach(&init).await;
    again.until("got one").await;
    assert!(again.seen.starts_with("first\r\n"), "{:?}", again.seen);
    again.types("\r").await;
    assert!(again.end().await.ends_with("end\r\n"));
    scene.no_terminals().await;

    // The id is free again.
    let mut anew = scene.attach(&init).await;
    anew.until("first").await;
    assert!(!anew.seen.contains("got"));
}

#[tokio::test]
async fn any_bytes_may_be_typed() {
    let scene = Scene::new();
    let command = "stty raw -echo; echo ready; head -c 256 | od -An -v -tu1";
    let mut viewer = scene.attach(&terminal(command)).await;
    viewer.until("ready").await;
    let all: Vec<u8> = (0..=u8::MAX).collect();
    viewer.pty.send(&all).await.unwrap();
    let shown = viewer.end().await;
    let numbers: Vec<u8> = shown
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(numbers, all, "{shown:?}");
}

#[tokio::test]
async fn a_terminal_that_nobody_watches_ends() {
    let scene = Scene::with_idle_timeout(Duration::from_millis(300));
    let pid = scene.path("pid");
    let init = terminal(&format!(
        "echo $$ > {pid}; trap '' HUP; echo up; exec sleep 1000"
    ));
    let mut viewer = scene.attach(&init).await;
    viewer.until("up").await;
    // As long as somebody watches it lives.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(scene.server.terminal_count(), 1);
    drop(viewer);
    scene.no_terminals().await;
    let pid = std::fs::read_to_string(pid).unwrap();
    until("the program is gone", || !is_alive(&pid)).await;
}

#[tokio::test]
async fn closing_ends_all_terminals() {
    let scene = Scene::new();
    let pid = scene.path("pid");
    let init = terminal(&format!("echo $$ > {pid}; echo up; exec sleep 1000"));
    let mut viewer = scene.attach(&init).await;
    viewer.until("up").await;
    soon(scene.server.close()).await;
    viewer.end().await;
    assert!(!is_alive(&std::fs::read_to_string(pid).unwrap()));
    let mut refused = scene.attach(&terminal("true")).await;
    assert_eq!(refused.end().await, "coder: the workspace is stopping\r\n");
}

#[tokio::test]
async fn what_cannot_be_had_is_said_in_the_terminal() {
    let scene = Scene::new();
    let container = ReconnectingPtyInit {
        container: "db".into(),
        ..terminal("")
    };
    let mut viewer = scene.attach(&container).await;
    let shown = viewer.end().await;
    assert!(
        shown.starts_with("coder: terminals in containers"),
        "{shown:?}"
    );

    let cat = terminal("cat");
    let mut kept = Vec::new();
    for number in 0..100 {
        let mut init = cat.clone();
        init.id = uuid::Uuid::from_u128(number);
        kept.push(scene.attach(&init).await);
    }
    until("all are there", || scene.server.terminal_count() == 100).await;
    let mut viewer = scene.attach(&terminal("cat")).await;
    let shown = viewer.end().await;
    assert!(shown.contains("too many terminals"), "{shown:?}");
    // One that is there can still be reached.
    let mut init = cat;
    init.id = uuid::Uuid::from_u128(99);
    let mut viewer = scene.attach(&init).await;
    viewer.types("echo\r").await;
    viewer.until("echo\r\necho\r\n").await;
    scene.server.close().await;
}

#[tokio::test]
async fn what_a_program_said_last_arrives_before_the_end() {
    let scene = Scene::new();
    let command = "head -c 40000 /dev/zero | tr '\\0' x; printf LAST";
    let mut viewer = scene.attach(&terminal(command)).await;
    let mut shown = Vec::new();
    soon(viewer.pty.read_to_end(&mut shown)).await.unwrap();
    assert_eq!(shown.len(), 40_004);
    assert!(shown.ends_with(b"LAST"));
}

#[tokio::test]
async fn a_background_process_does_not_keep_a_terminal_open() {
    let scene = Scene::new();
    let begin = std::time::Instant::now();
    let mut viewer = scene.attach(&terminal("sleep 1000 & echo done")).await;
    assert!(viewer.end().await.contains("done"));
    assert!(begin.elapsed() < Duration::from_secs(20));
    scene.no_terminals().await;
}

pub(super) fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
}

use std::time::{Duration, Instant};

use coder_agent::reconnecting_pty::ReconnectingPty;
use tokio::io::AsyncReadExt as _;

use super::harness::{Scene, terminal};
use crate::support::{soon, until};

/// Memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn several_see_the_same_and_the_last_one_sets_the_size() {
    let scene = Scene::new();
    let init = terminal("stty -echo; while read line; do stty size; done");
    let mut large = scene.attach(&init).await;
    large.types("\r").await;
    large.until("24 80").await;
    let mut small = init.clone();
    (small.height, small.width) = (10, 40);
    let mut small = scene.attach(&small).await;
    small.until("24 80").await;
    small.types("\r").await;
    small.until("10 40").await;
    large.until("10 40").await;
    assert_eq!(scene.server.session_count(), 2);
    // Typing is enough.
    large.seen.clear();
    large.types("\r").await;
    large.until("24 80").await;
    small.pty.resize(11, 0).await.unwrap();
    small.types("\r").await;
    small.until("11 40").await;
    drop((large, small));
    until("nobody watches", || scene.server.session_count() == 0).await;
}

#[tokio::test]
async fn a_full_screen_program_is_asked_to_draw_again() {
    let scene = Scene::new();
    let command =
        "trap 'echo redrawn' WINCH; printf '\\033[?1049hup'; while :; do sleep 0.05; done";
    let init = terminal(command);
    let mut first = scene.attach(&init).await;
    first.until("up").await;
    assert!(!first.seen.contains("redrawn"));
    let mut second = scene.attach(&init).await;
    second.until("redrawn").await;
    assert!(
        second.seen.starts_with("\x1b[?1049hup"),
        "{:?}",
        second.seen
    );
}

#[tokio::test]
async fn a_single_viewer_loses_nothing_however_slow() {
    let scene = Scene::new();
    let lines = 100_000;
    let init = terminal(&format!("stty -opost; seq 1 {lines}"));
    let mut viewer = scene.attach(&init).await;
    let mut shown = Vec::new();
    let mut buffer = [0; 3000];
    loop {
        let length = soon(viewer.pty.read(&mut buffer)).await.unwrap();
        if length == 0 {
            break;
        }
        shown.extend_from_slice(&buffer[..length]);
        if shown.len() < 300_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let expected: String = (1..=lines).map(|line| format!("{line}\n")).collect();
    assert!(shown == expected.as_bytes(), "{} bytes", shown.len());
}

#[tokio::test]
async fn viewers_that_read_nothing_hold_nobody_up_and_cost_little() {
    let scene = Scene::new();
    let go = scene.path("go");
    let init = terminal(&format!(
        "until [ -e {go} ]; do sleep 0.05; done; yes 0123456789 | head -c 30000000; echo END"
    ));
    // The first is fast; the others have a small buffer on their way and never read.
    let mut fast = scene.attach(&init).await;
    let before = resident();
    let mut stuck = Vec::new();
    for _ in 0..200 {
        let pty = ReconnectingPty::attach(scene.stream(1024), &init).await;
        stuck.push(pty.unwrap());
    }
    until("all watch", || scene.server.session_count() == 201).await;
    std::fs::write(go, "").unwrap();
    let begin = Instant::now();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let length = soon(fast.pty.read(&mut buffer)).await.unwrap();
        if length == 0 {
            break;
        }
        bytes += length;
    }
    // Each line of 11 bytes has got a carriage return.
    assert_eq!(bytes, 30_000_000 / 11 * 12 + 30_000_000 % 11 + 5);
    let grown = resident().saturating_sub(before);
    eprintln!(
        "30 MB to the fast one in {:?}, {} KiB for each of 200 that read nothing",
        begin.elapsed(),
        grown / 200
    );
    assert!(grown <= 200 * 64, "{grown} KiB for 200 viewers");
    // One of them begins to read: it goes on with what is kept, in one piece.
    let mut late = stuck.pop().unwrap();
    let mut rest = Vec::new();
    soon(late.read_to_end(&mut rest)).await.unwrap();
    let text = String::from_utf8(rest).unwrap();
    assert!(text.ends_with("END\r\n"));
    assert!(text.len() <= 82 * 1024, "{}", text.len());
}

#[tokio::test]
async fn a_program_is_not_held_up_for_long_by_who_reads_nothing() {
    let scene = Scene::new();
    let done = scene.path("done");
    let init = terminal(&format!(
        "head -c 3000000 /dev/zero; touch {done}; sleep 1000"
    ));
    let _stuck = ReconnectingPty::attach(scene.stream(1024), &init).await;
    until("the program went on", || std::fs::exists(&done).unwrap()).await;
}

#[tokio::test]
async fn who_leaves_while_nothing_is_read_is_noticed() {
    let scene = Scene::new();
    // Nothing is read, so that what is typed stays.
    let init = terminal("stty raw -echo; echo up; exec sleep 1000");
    let mut viewer = scene.attach(&init).await;
    viewer.until("up").await;
    viewer.types("a short text").await;
    drop(viewer);
    until("nobody watches", || scene.server.session_count() == 0).await;
}

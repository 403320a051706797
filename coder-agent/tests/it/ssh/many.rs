//! Thousands of short sessions over one connection.

use std::time::Instant;

use super::harness::{DEADLINE, TestServer, eventually};
use super::tools::{Forwarder, is_installed, output, program, ssh};

/// Sessions one after the other; `CODER_SSH_SESSIONS=5000` for more.
fn sessions() -> usize {
    std::env::var("CODER_SSH_SESSIONS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(400)
}

/// Megabytes of memory that this process, and so the server, has.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_the_other() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let socket = format!("-S{}", local.path().join("control").display());
    let master = Forwarder::start(address, &["-M", &socket]).await;
    let run = async |count: usize| {
        let mut shell = program("sh");
        let script = "for i in $(seq \"$1\"); do ssh \"$0\" x \"exit $((i % 7))\" </dev/null; \
            test $? = $((i % 7)) || { echo \"session $i failed\"; exit 1; }; done";
        shell.args(["-c", script, &socket, &count.to_string()]);
        let ran = shell.output().await.unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    run(50).await;
    let (before, started, count) = (memory(), Instant::now(), sessions());
    run(count).await;
    let (grown, took) = (memory() - before, started.elapsed());
    println!(
        "{count} sessions: {:.1} ms each, {grown:.1} MB more",
        took.as_secs_f64() * 1000.0 / count as f64
    );
    // The library would keep 4 KB of each, which is 20 MB for 5,000.
    assert!(grown < 4.0 + count as f64 * 0.001, "{grown:.1} MB");
    master.stop().await;
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let socket = format!("-S{}", local.path().join("control").display());
    let master = Forwarder::start(address, &["-M", &socket]).await;
    let gate = server.home.path().join("gate");
    let script = format!(
        "while [ ! -e {} ]; do sleep 0.2; done; echo $$",
        gate.display()
    );
    let all = (0..200).map(|_| output(ssh(address, &[&socket], &script)));
    let all = tokio::spawn(futures_util::future::join_all(all.collect::<Vec<_>>()));
    eventually("all run at once", || server.server.task_count() == 200).await;
    std::fs::write(&gate, "").unwrap();
    let all = tokio::time::timeout(DEADLINE, all).await.unwrap().unwrap();
    let ids: std::collections::BTreeSet<_> = all.into_iter().map(|ran| ran.stdout).collect();
    assert_eq!(ids.len(), 200);
    master.stop().await;
    server.idle().await;
}

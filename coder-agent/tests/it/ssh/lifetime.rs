use std::path::{Path, PathBuf};

use coder_agent::ssh_client::{Streams, TerminalSize};
use tokio::sync::watch;
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, command, eventually, is_alive};

/// Starts a script whose last words are kept apart, lets it write its id, and leaves.
async fn start_and_leave(server: &TestServer, script: &str, name: &str) -> PathBuf {
    let client = server.client().await;
    let file = server.home.path().join(name);
    let script = format!("echo $$ > {}; {script}", file.display());
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let streams = Streams {
        stdin: tokio::io::empty(),
        stdout: tokio::io::sink(),
        stderr: tokio::io::sink(),
    };
    let session = client.run(command(&script), streams, size);
    tokio::select! {
        status = session => panic!("the session ended: {status:?}"),
        () = eventually("the program runs", || is_alive(&read(&file))) => {}
    }
    file
}

fn read(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if text.ends_with('\n') {
        text
    } else {
        "0".to_owned()
    }
}

#[tokio::test]
async fn a_program_outlives_its_session_but_not_the_agent() {
    let server = TestServer::new();
    let plain = start_and_leave(&server, "exec sleep 600", "plain").await;
    let stubborn = start_and_leave(
        &server,
        "trap '' HUP TERM; while :; do sleep 1; done",
        "stubborn",
    );
    let stubborn = stubborn.await;
    eventually("only the processes are left", || {
        server.server.task_count() == 2
    })
    .await;
    assert!(is_alive(&read(&plain)) && is_alive(&read(&stubborn)));
    timeout(DEADLINE, server.server.close()).await.unwrap();
    assert!(!is_alive(&read(&plain)) && !is_alive(&read(&stubborn)));
    assert_eq!(server.server.task_count(), 0);
}

#[tokio::test]
async fn a_program_notices_that_nobody_reads() {
    let server = TestServer::new();
    let file = start_and_leave(&server, "exec cat /dev/zero", "pid").await;
    eventually("the writer has ended", || !is_alive(&read(&file))).await;
    server.idle().await;
}

#[tokio::test]
async fn a_program_that_waits_for_input_notices_too() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(false, "cat > /dev/null").await.unwrap();
    eventually("the program runs", || server.server.task_count() == 1).await;
    drop((channel, client));
    server.idle().await;
}

#[tokio::test]
async fn shutdown_ends_connections() {
    let server = TestServer::new();
    let (stream, served) = server.stream();
    let options = coder_agent::ssh_client::SshClientOptions::default();
    let client = coder_agent::ssh_client::SshClient::connect(stream, options)
        .await
        .unwrap();
    server.shutdown.cancel();
    timeout(DEADLINE, served)
        .await
        .expect("serving ends")
        .unwrap()
        .unwrap();
    drop(client);
}

#[tokio::test]
async fn a_client_that_does_not_hang_up_is_dropped() {
    let server = TestServer::new();
    let (mut stream, served) = server.stream();
    // A client that has sent half a handshake and reads nothing.
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"SSH-2.0-x\r\n")
        .await
        .unwrap();
    server.shutdown.cancel();
    timeout(DEADLINE, served)
        .await
        .expect("serving ends")
        .unwrap()
        .unwrap();
}

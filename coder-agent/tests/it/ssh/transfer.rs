use std::time::{Duration, Instant};

use coder_agent::ssh_client::{Streams, TerminalSize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::harness::{DEADLINE, TestServer, command, run};

/// Bytes of every value, the same each time.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    })
    .flatten()
    .take(size)
    .collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_each_way() {
    let server = TestServer::new();
    let client = server.client().await;
    let sent = noise(100_000_000);
    let started = Instant::now();
    let ran = run(&client, command("tee copy | sha256sum"), &sent).await;
    println!("up: {:.0} MB/s", 100.0 / started.elapsed().as_secs_f64());
    assert_eq!(ran.text().split(' ').next(), Some(&*hex(&sent)));
    let started = Instant::now();
    let ran = run(&client, command("cat copy"), b"").await;
    println!("down: {:.0} MB/s", 100.0 / started.elapsed().as_secs_f64());
    assert!(ran.stdout == sent);
    server.idle().await;
}

/// Both ends write all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_of_much_comes_back() {
    let server = TestServer::new();
    let client = server.client().await;
    let sent = noise(50_000_000);
    let ran = run(&client, command("cat"), &sent).await;
    assert!(ran.stdout == sent);
    server.idle().await;
}

/// The client stops reading while it goes on writing, far beyond all windows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_to_a_slow_reader_comes_through() {
    let server = TestServer::new();
    let client = server.client().await;
    let sent = noise(20_000_000);
    let (mut output, stdout) = tokio::io::duplex(1024);
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let streams = Streams {
        stdin: &*sent,
        stdout,
        stderr: tokio::io::sink(),
    };
    let session = client.run(command("cat"), streams, size);
    let reader = async {
        let mut received = vec![0; 1];
        output.read_exact(&mut received).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        output.read_to_end(&mut received).await.unwrap();
        received
    };
    let both = async { tokio::join!(session, reader) };
    let (status, received) = tokio::time::timeout(DEADLINE, both)
        .await
        .expect("no dead lock");
    assert_eq!(status.unwrap(), 0);
    assert!(received == sent);
}

/// One program does not read; the others of the same connection go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_read_keeps_nobody_waiting() {
    let server = TestServer::new();
    let client = server.client().await;
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let (mut input, stdin) = tokio::io::duplex(1024 * 1024);
    let streams = Streams {
        stdin,
        stdout: tokio::io::sink(),
        stderr: tokio::io::sink(),
    };
    let stalled = client.run(command("exec sleep 600"), streams, size);
    let others = async {
        // Below the budget, beyond the window and every buffer on the way.
        input.write_all(&vec![0; 8_000_000]).await.unwrap();
        for _ in 0..5 {
            assert_eq!(run(&client, command("cat"), b"ping").await.text(), "ping");
        }
    };
    tokio::select! {
        status = stalled => panic!("ended: {status:?}"),
        done = tokio::time::timeout(DEADLINE, others) => done.expect("the others go on"),
    }
    server.server.close().await;
}

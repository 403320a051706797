//! New keys in the middle of everything, and long ways.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::harness::{DEADLINE, TestServer};
use super::tools::{checksum, is_installed, random_file, ssh};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_while_bytes_go_both_ways() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let (file, back) = (local.path().join("file"), local.path().join("back"));
    random_file(&file, 100_000_000).await;
    let mut echo = ssh(address, &["-v", "-oRekeyLimit=1M"], "cat");
    let child = echo
        .stdin(std::fs::File::open(&file).unwrap())
        .stdout(std::fs::File::create(&back).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ran = timeout(DEADLINE, child.wait_with_output()).await.unwrap();
    let said = String::from_utf8_lossy(&ran.unwrap().stderr).into_owned();
    assert_eq!(checksum(&back), checksum(&file));
    let changes = said.matches("SSH2_MSG_NEWKEYS received").count();
    assert!(changes > 50, "{changes}");
    server.idle().await;
}

/// Passes bytes on after `delay`, as many as come.
async fn delayed(from: impl AsyncReadExt + Unpin, to: impl AsyncWriteExt + Unpin, delay: Duration) {
    let (sender, mut receiver) = mpsc::channel::<(tokio::time::Instant, Vec<u8>)>(100_000);
    let read = async move {
        let mut from = from;
        loop {
            let mut bytes = vec![0; 64 * 1024];
            match from.read(&mut bytes).await {
                Ok(read @ 1..) => bytes.truncate(read),
                _ => return,
            }
            let due = tokio::time::Instant::now() + delay;
            if sender.send((due, bytes)).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        let mut to = to;
        while let Some((due, bytes)) = receiver.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        drop(to.shutdown().await);
    };
    tokio::join!(read, write);
}

/// A round trip of a second and 24 MB: with OpenSSH's window of 2 MB that takes 12 seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_do_not_wait_for_a_long_way() {
    const DELAY: Duration = Duration::from_millis(500);
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = proxy.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = proxy.accept().await {
            let (reader, writer) = client.into_split();
            let (back, forth) = TcpStream::connect(address).await.unwrap().into_split();
            tokio::spawn(delayed(reader, forth, DELAY));
            tokio::spawn(delayed(back, writer, DELAY));
        }
    });
    let mut upload = ssh(near, &[], "head -c 1; cat > /dev/null");
    let mut child = upload
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    stdin.write_all(b"x").await.unwrap();
    // From here on the connection is there.
    timeout(DEADLINE, stdout.read_exact(&mut [0]))
        .await
        .unwrap()
        .unwrap();
    let started = Instant::now();
    let bytes = vec![7; 24_000_000];
    let upload = async {
        stdin.write_all(&bytes).await.unwrap();
        drop(stdin);
        child.wait().await.unwrap()
    };
    assert!(timeout(DEADLINE, upload).await.unwrap().success());
    let took = started.elapsed();
    println!("24 MB over a round trip of 1 s: {took:.1?}");
    assert!(took < Duration::from_secs(9), "{took:?}");
    server.idle().await;
}

//! Unix sockets, both ways.

use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, eventually};
use super::tools::{Forwarder, check_echo, echo_server, echo_socket, free_port, is_installed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_of_the_workspace_are_reached() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let remote = server.home.path().join("echo.sock");
    echo_socket(&remote);
    let local = tempfile::tempdir().unwrap();
    let socket = local.path().join("local.sock");
    let port = free_port();
    let forwards = [
        format!("-L{}:{}", socket.display(), remote.display()),
        format!("-L{port}:{}", remote.display()),
        format!("-L{}:/no/such.sock", local.path().join("none").display()),
    ];
    let client = Forwarder::start(address, &forwards.each_ref().map(|forward| &**forward)).await;
    for _ in 0..20 {
        check_echo(UnixStream::connect(&socket).await.unwrap(), 100_000).await;
    }
    check_echo(
        TcpStream::connect(("127.0.0.1", port)).await.unwrap(),
        1_000,
    )
    .await;
    let mut nothing = UnixStream::connect(local.path().join("none"))
        .await
        .unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut nothing, &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)));
    client.stop().await;
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_in_the_workspace_lead_to_the_client() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let target = echo_server().await;
    let socket = server.home.path().join("deep/er/reverse.sock");
    let forward = format!("-R{}:localhost:{target}", socket.display());
    for _ in 0..2 {
        let client = Forwarder::start(address, &[&forward]).await;
        let mode = socket.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for size in [0, 10, 1_000_000] {
            check_echo(UnixStream::connect(&socket).await.unwrap(), size).await;
        }
        client.stop().await;
        // So that the next client finds no socket in its way.
        eventually("the socket is removed", || !socket.exists()).await;
    }
    server.idle().await;
}

#[tokio::test]
async fn a_socket_in_use_is_not_taken() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let path = server.home.path().join("used.sock");
    echo_socket(&path);
    assert!(
        client
            .streamlocal_forward(path.to_str().unwrap())
            .await
            .is_err()
    );
    assert!(client.streamlocal_forward("").await.is_err());
    assert!(client.streamlocal_forward("x".repeat(4000)).await.is_err());
    check_echo(UnixStream::connect(&path).await.unwrap(), 10).await;
    // Relative paths begin at home.
    client.streamlocal_forward("relative.sock").await.unwrap();
    assert!(server.home.path().join("relative.sock").exists());
    client
        .cancel_streamlocal_forward("relative.sock")
        .await
        .unwrap();
    assert!(
        client
            .cancel_streamlocal_forward("relative.sock")
            .await
            .is_err()
    );
    server.idle().await;
    assert!(!server.home.path().join("relative.sock").exists());
}

/// As `ssh -R` does it once both directions have ended: the channel is closed while much of what was
/// sent through it waits for a reader.
#[tokio::test]
async fn what_was_sent_before_the_close_arrives() {
    const SIZE: usize = 4_000_000;
    let server = TestServer::new();
    let client = server.raw_client().await;
    let path = server.home.path().join("slow.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let channel = client
        .channel_open_direct_streamlocal(path.to_str().unwrap())
        .await
        .unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    // Nothing comes from this end.
    stream.shutdown().await.unwrap();
    channel.data(&vec![7; SIZE][..]).await.unwrap();
    channel.eof().await.unwrap();
    channel.close().await.unwrap();
    // An answer of the server: it has heard all of that.
    assert!(client.streamlocal_forward("").await.is_err());
    let mut received = Vec::new();
    let read = stream.read_to_end(&mut received);
    timeout(DEADLINE, read).await.unwrap().unwrap();
    assert_eq!(received.len(), SIZE);
    server.idle().await;
}

/// Who does not read what a client has left behind costs a place until the connection ends.
#[tokio::test]
async fn what_nobody_reads_ends_with_its_connection() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let path = server.home.path().join("stuck.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let channel = client
        .channel_open_direct_streamlocal(path.to_str().unwrap())
        .await
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    channel.data(&vec![7; 4_000_000][..]).await.unwrap();
    channel.close().await.unwrap();
    assert!(client.streamlocal_forward("").await.is_err());
    assert_eq!(server.server.task_count(), 1);
    drop((client, channel));
    server.idle().await;
    drop(stream);
}

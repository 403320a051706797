//! Unix sockets, both ways.

use std::os::unix::fs::PermissionsExt;

use tokio::net::{TcpStream, UnixStream};

use super::harness::{TestServer, eventually};
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

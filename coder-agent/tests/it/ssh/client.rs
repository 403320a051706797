//! Our client's forwards, as `coder ssh` uses them.

use std::path::Path;
use std::sync::Arc;

use coder_agent::ErrorKind;
use coder_agent::ssh_client::{SessionRequest, SshClient, SshClientOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::harness::{TestServer, command, eventually, run};
use super::tools::{check_echo, echo_server, echo_socket};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_and_sockets_both_ways() {
    let server = TestServer::new();
    let client = Arc::new(server.client().await);
    let echo = echo_server().await;

    // -L
    let local = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = local.local_addr().unwrap().port();
    let forwarding = Arc::clone(&client);
    let task = tokio::spawn(async move { forwarding.forward(&local, "localhost", echo).await });
    for size in [0, 1_000_000] {
        check_echo(TcpStream::connect(("127.0.0.1", port)).await.unwrap(), size).await;
    }
    task.abort();

    // -L with a Unix socket.
    echo_socket(&server.home.path().join("echo.sock"));
    check_echo(client.dial_unix("echo.sock").await.unwrap(), 100_000).await;
    let error = client.dial_unix("no.sock").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);

    // -R
    let mut listener = client.listen("localhost", 0).await.unwrap();
    let port = listener.port();
    let task = tokio::spawn(async move { listener.forward_to(("127.0.0.1", echo)).await });
    let streams = (0..20).map(async |_| {
        check_echo(
            TcpStream::connect(("127.0.0.1", port)).await.unwrap(),
            200_000,
        )
        .await;
    });
    futures_util::future::join_all(streams).await;
    let error = client.listen("localhost", port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);

    // -R with a Unix socket.
    let mut unix = client.listen_unix("r.sock").await.unwrap();
    let mut near = UnixStream::connect(server.home.path().join("r.sock"))
        .await
        .unwrap();
    let mut far = unix.accept().await.unwrap();
    near.write_all(b"hello").await.unwrap();
    let mut read = [0; 5];
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hello");

    // The listeners notice that the connection has ended.
    Arc::try_unwrap(client)
        .map_err(|_| ())
        .unwrap()
        .disconnect()
        .await;
    task.await.unwrap();
    assert!(unix.accept().await.is_none());
    server.idle().await;
}

async fn with_agent(server: &TestServer, agent: Option<&Path>) -> SshClient {
    let (stream, _) = server.stream();
    let options = SshClientOptions {
        agent: agent.map(Into::into),
        ..SshClientOptions::default()
    };
    SshClient::connect(stream, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_is_there_for_who_asks() {
    let server = TestServer::new();
    let local = tempfile::tempdir().unwrap();
    let path = local.path().join("agent.sock");
    let agent = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = agent.accept().await {
            stream.write_all(b"agent").await.unwrap();
        }
    });
    let ask = |agent_forward| SessionRequest {
        agent_forward,
        ..command(
            "test -n \"$SSH_AUTH_SOCK\" && head -c 5 < <(perl -MIO::Socket::UNIX -e \
            'print IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK})->getline')",
        )
    };
    let client = with_agent(&server, Some(&path)).await;
    assert_eq!(run(&client, ask(false), b"").await.status, 1);
    assert_eq!(run(&client, ask(true), b"").await.text(), "agent");
    drop(client);
    // A workspace that asks without being asked gets nothing.
    let client = with_agent(&server, None).await;
    assert_eq!(run(&client, ask(true), b"").await.text(), "");
    drop(client);
    eventually("nothing is left", || server.server.task_count() == 0).await;
}

//! Ports of the workspace that lead to the client (`ssh -R`).

use std::time::Duration;

use tokio::net::TcpStream;

use super::harness::{TestServer, eventually};
use super::tools::{
    Forwarder, check_echo, echo_server, free_port, is_installed, output, program, ssh, succeed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_of_the_workspace_leads_to_the_client() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let (target, port) = (echo_server().await, free_port());
    let forward = format!("-R{port}:localhost:{target}");
    let client = Forwarder::start(address, &[&forward]).await;
    for size in [0, 1, 100_000, 3_000_000] {
        check_echo(TcpStream::connect(("127.0.0.1", port)).await.unwrap(), size).await;
    }
    if let Ok(stream) = TcpStream::connect(("::1", port)).await {
        check_echo(stream, 10).await;
    }
    let streams = (0..50).map(async |_| {
        check_echo(
            TcpStream::connect(("127.0.0.1", port)).await.unwrap(),
            50_000,
        )
        .await;
    });
    futures_util::future::join_all(streams).await;
    client.stop().await;
    server.idle().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_free_port_is_chosen_and_told() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let target = echo_server().await;
    let forward = format!("-R0:localhost:{target}");
    let client = Forwarder::start(address, &[&forward]).await;
    client.until("Allocated port").await;
    let said = client.said();
    let port = said.split("Allocated port ").nth(1).unwrap();
    let port: u16 = port.split(' ').next().unwrap().parse().unwrap();
    check_echo(TcpStream::connect(("127.0.0.1", port)).await.unwrap(), 1000).await;
    client.stop().await;
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwards_come_and_go_with_a_control_master() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let socket = format!("-S{}", local.path().join("control").display());
    let master = Forwarder::start(address, &["-M", &socket]).await;
    let (target, port) = (echo_server().await, free_port());
    let forward = format!("-R{port}:localhost:{target}");
    for _ in 0..3 {
        for (operation, listens) in [("forward", true), ("cancel", false)] {
            let mut control = program("ssh");
            control.args([&*socket, "-O", operation, &*forward, "alice@127.0.0.1"]);
            succeed(control).await;
            eventually("the port follows", || {
                std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() == listens
            })
            .await;
        }
    }
    // One that is in use is refused, and the connection goes on.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut control = program("ssh");
    let forward = format!("-R{port}:localhost:{target}");
    control.args([&*socket, "-O", "forward", &*forward, "alice@127.0.0.1"]);
    assert!(!output(control).await.status.success());
    assert_eq!(
        output(ssh(address, &[&socket], "echo on")).await.stdout,
        b"on\n"
    );
    master.stop().await;
    server.idle().await;
}

#[tokio::test]
async fn listeners_are_where_they_were_asked_for() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let port = client.tcpip_forward("", 0).await.unwrap();
    let port = u16::try_from(port).unwrap();
    let listening = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default()
        + &std::fs::read_to_string("/proc/net/tcp").unwrap();
    let place = format!(":{port:04X}");
    let places: Vec<&str> = listening
        .lines()
        .filter(|line| line.contains(" 0A "))
        .filter_map(|line| line.split_whitespace().nth(1)?.strip_suffix(&place))
        .collect();
    assert!(!places.is_empty());
    let is_any = |place: &&str| place.bytes().all(|byte| byte == b'0');
    assert!(places.iter().all(is_any), "{places:?}");
    client
        .cancel_tcpip_forward("", u32::from(port))
        .await
        .unwrap();
    // Twice is once too often, and so is another name.
    assert!(
        client
            .cancel_tcpip_forward("", u32::from(port))
            .await
            .is_err()
    );
    for (address, port) in [("example.com", 0), ("300.1.1.1", 0), ("localhost", 70_000)] {
        assert!(
            client.tcpip_forward(address, port).await.is_err(),
            "{address}"
        );
    }
    eventually("nothing is left", || server.server.task_count() == 0).await;
}

#[tokio::test]
async fn listeners_are_bounded() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut open = 0;
    while client.tcpip_forward("127.0.0.1", 0).await.is_ok() {
        open += 1;
        assert!(open <= 128);
    }
    assert_eq!(open, 128);
    drop(client);
    server.idle().await;
}

/// The client neither takes nor refuses what is opened for it.
#[tokio::test]
async fn a_client_that_does_not_answer_is_bounded() {
    let server = TestServer::new();
    let (stream, served) = server.stream();
    let config = std::sync::Arc::new(russh::client::Config::default());
    let mut client = russh::client::connect_stream(config, stream, Silent)
        .await
        .unwrap();
    assert!(client.authenticate_none("alice").await.unwrap().success());
    let port = client.tcpip_forward("127.0.0.1", 0).await.unwrap();
    let port = u16::try_from(port).unwrap();
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    eventually("they wait", || server.server.task_count() > 50).await;
    // It hangs, and so does not hold anything once it is gone.
    served.abort();
    drop(client);
    server.idle().await;
    for stream in streams {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.peek(&mut byte)).await;
        assert!(matches!(read.unwrap(), Ok(0) | Err(_)));
    }
}

struct Silent;

impl russh::client::Handler for Silent {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: russh::Channel<russh::client::Msg>,
        _address: &str,
        _port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: russh::client::ChannelOpenHandle,
        _session: &mut russh::client::Session,
    ) -> Result<(), russh::Error> {
        // Kept for ever, so that nothing is ever said.
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(reply);
        });
        Ok(())
    }
}

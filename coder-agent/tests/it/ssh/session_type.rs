//! What kinds of clients are connected, and how much they move.

use coder_agent::ssh::SessionType;
use tokio::net::TcpStream;

use super::harness::{TestServer, command, eventually, run};
use super::tools::{Forwarder, check_echo, echo_server, free_port, is_installed, program, ssh};

fn count(server: &TestServer, session_type: &SessionType) -> u64 {
    let statistics = server.server.statistics();
    statistics
        .connections
        .get(session_type)
        .copied()
        .unwrap_or(0)
}

#[tokio::test]
async fn clients_say_what_they_are() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let other = SessionType::Other("zed".into());
    for (value, session_type) in [
        ("vscode", SessionType::VsCode),
        ("JetBrains", SessionType::JetBrains),
        ("zed", other),
        ("not a type", SessionType::Ssh),
    ] {
        let set = format!("-oSetEnv=CODER_SSH_SESSION_TYPE=\"{value}\"");
        let mut session = ssh(
            address,
            &[&set],
            "echo \"[$CODER_SSH_SESSION_TYPE]\"; read x",
        );
        session
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = session.spawn().unwrap();
        eventually("it is counted", || count(&server, &session_type) == 1).await;
        let stdin = child.stdin.take();
        drop(stdin);
        let ran = child.wait_with_output().await.unwrap();
        // The program does not see it.
        assert_eq!(ran.stdout, b"[]\n");
        eventually("it is counted no more", || {
            server.server.statistics().connections.is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn bytes_are_counted_without_handshakes() {
    let server = TestServer::new();
    let client = server.client().await;
    let before = server.server.statistics();
    assert_eq!((before.received_bytes, before.sent_bytes), (0, 0));
    assert_eq!(count(&server, &SessionType::Ssh), 1);
    let ran = run(
        &client,
        command("wc -c; head -c 5000 /dev/zero"),
        &[0; 1000],
    )
    .await;
    let after = server.server.statistics();
    assert_eq!(after.received_bytes, 1000);
    assert_eq!(after.sent_bytes, ran.stdout.len() as u64);
    drop(client);
    eventually("it is counted no more", || {
        count(&server, &SessionType::Ssh) == 0
    })
    .await;
}

/// JetBrains' client says nothing: what it forwards a port to is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetbrains_is_recognized_by_its_server() {
    if !is_installed(&["ssh", "perl"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let target = free_port();
    let script = "use IO::Socket; my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', \
        LocalPort => $ARGV[0], Listen => 5) or die; while (my $c = $l->accept) { print $c scalar <$c>; }";
    let mut ide = program("perl")
        .args([
            "-e",
            script,
            &target.to_string(),
            "-Didea.vendor.name=JetBrains",
        ])
        .spawn()
        .unwrap();
    eventually("the IDE listens", || {
        std::net::TcpStream::connect(("127.0.0.1", target)).is_ok()
    })
    .await;
    let (plain, port) = (free_port(), free_port());
    let echo = echo_server().await;
    let forwards = [
        format!("-L{plain}:localhost:{echo}"),
        format!("-L{port}:127.0.0.1:{target}"),
    ];
    let client = Forwarder::start(address, &[&forwards[0], &forwards[1]]).await;
    check_echo(TcpStream::connect(("127.0.0.1", plain)).await.unwrap(), 10).await;
    assert_eq!(count(&server, &SessionType::JetBrains), 0);
    let _stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    eventually("it is recognized", || {
        count(&server, &SessionType::JetBrains) == 1
    })
    .await;
    assert_eq!(count(&server, &SessionType::Ssh), 0);
    client.stop().await;
    ide.kill().await.unwrap();
    server.idle().await;
    assert!(server.server.statistics().connections.is_empty());
}

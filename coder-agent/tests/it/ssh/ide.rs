//! What IDEs do: VS Code's extension and JetBrains Gateway, without them.

use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, eventually};
use super::tools::{
    Forwarder, arguments, check_echo, echo_server, echo_socket, free_port, is_installed, program,
    ssh,
};

/// A script of 200 KB for `bash`, on its standard input.
fn bootstrap() -> String {
    let mut script = String::from("set -e\nsum=0\n");
    for index in 0..8_000 {
        script.push_str(&format!("sum=$((sum + {index})) # padding\n"));
    }
    script.push_str("echo \"sum=$sum\"\necho err >&2\nexit 3\n");
    assert!(script.len() > 200_000);
    script
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_script_comes_through_standard_input() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    // As VS Code starts: no terminal, a dynamic forward, and a shell that reads.
    let dynamic = format!("-D{}", free_port());
    for more in [&["-T"][..], &["-T", &dynamic]] {
        let mut command = ssh(address, more, "bash");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let script = bootstrap();
        tokio::spawn(async move { stdin.write_all(script.as_bytes()).await });
        let ran = timeout(DEADLINE, child.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!(ran.stdout, b"sum=31996000\n");
        assert_eq!(ran.stderr, b"err\n");
    }
    server.idle().await;
}

/// A connection to an address through a SOCKS proxy.
async fn through_socks(proxy: u16, port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy)).await.unwrap();
    stream.write_all(&[5, 1, 0]).await.unwrap();
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [5, 0]);
    let mut request = vec![5, 1, 0, 3, 9];
    request.extend_from_slice(b"localhost");
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await.unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[1], 0, "refused");
    stream
}

/// VS Code starts its server through one session, which stays, and reaches it through a SOCKS
/// proxy and forwarded sockets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_started_and_reached_through_socks() {
    if !is_installed(&["ssh", "perl"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let proxy = free_port();
    let dynamic = format!("-D127.0.0.1:{proxy}");
    let mut session = program("ssh");
    session
        .args(arguments(address, &["-T", &dynamic]))
        .arg("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = session.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // An echo server in the workspace, on a port of its choice, which it tells.
    // It ends with its input, as such servers do.
    let script = "exec perl -e 'use IO::Socket; use IO::Select; $SIG{CHLD} = q(IGNORE); $| = 1; \
        my $l = IO::Socket::INET->new(LocalAddr => q(127.0.0.1), Listen => 128) or die; \
        print q(listening on ), $l->sockport, qq(\\n); \
        my $s = IO::Select->new($l, \\*STDIN); while (my @r = $s->can_read) { for (@r) { \
        if ($_ == $l) { my $c = $l->accept; next if fork; while (sysread $c, my $b, 65536) { \
        my $o = 0; while ($o < length $b) { $o += syswrite($c, $b, length($b) - $o, $o) || exit } } \
        exit } else { sysread(STDIN, my $x, 1) or exit } } }'\n";
    stdin.write_all(script.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap();
    let line = line.expect("the server says its port");
    let port = line.rsplit(' ').next().unwrap().parse().unwrap();
    let streams = (0..40).map(async |_| {
        check_echo(through_socks(proxy, port).await, 100_000).await;
    });
    futures_util::future::join_all(streams).await;
    // One after the other, as requests of an IDE are.
    for _ in 0..300 {
        check_echo(through_socks(proxy, port).await, 100).await;
    }
    child.kill().await.unwrap();
    drop(stdin);
    server.idle().await;
}

/// JetBrains' client, and newer ones of VS Code, talk to Unix sockets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_of_a_forwarded_socket() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let remote = server.home.path().join("ide.sock");
    echo_socket(&remote);
    let local = tempfile::tempdir().unwrap();
    let socket = local.path().join("ide.sock");
    let forward = format!("-L{}:{}", socket.display(), remote.display());
    let client = Forwarder::start(address, &[&forward]).await;
    for _ in 0..500 {
        check_echo(UnixStream::connect(&socket).await.unwrap(), 200).await;
    }
    let streams = (0..60).map(async |_| {
        check_echo(UnixStream::connect(&socket).await.unwrap(), 300_000).await;
    });
    futures_util::future::join_all(streams).await;
    client.stop().await;
    server.idle().await;
}

/// The stop button of an IDE, a lid that is closed: the client is gone without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_client_frees_everything() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let (echo, port) = (echo_server().await, free_port());
    let reverse = format!("-R{port}:localhost:{echo}");
    let unix = format!(
        "-R{}:localhost:{echo}",
        server.home.path().join("r.sock").display()
    );
    let client = Forwarder::start(address, &[&reverse, &unix]).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        streams.push(stream);
    }
    client.stop().await;
    eventually("all streams end", || server.server.task_count() == 0).await;
    for mut stream in streams {
        let read = timeout(DEADLINE, stream.read(&mut [0])).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)));
    }
    assert!(!server.home.path().join("r.sock").exists());
    assert!(server.server.statistics().connections.is_empty());
}

/// A program keeps every byte of an input that it reads late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_reader_gets_all_of_its_input() {
    if !is_installed(&["ssh", "sha256sum"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let input: Vec<u8> = (0..8_000_000_u32)
        .map(|index| (index % 253) as u8)
        .collect();
    let mut command = ssh(address, &["-T"], "sleep 1; sha256sum");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = input.clone();
    tokio::spawn(async move { stdin.write_all(&sent).await });
    let ran = timeout(DEADLINE, child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    let sum: String = Sha256::digest(&input)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(String::from_utf8_lossy(&ran.stdout).starts_with(&sum));
    server.idle().await;
}

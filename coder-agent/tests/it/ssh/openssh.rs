use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, eventually};
use super::tools::{arguments, checksum, is_installed, output, random_file, ssh};

#[tokio::test]
async fn statuses_and_streams() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    for (text, status) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 255)] {
        assert_eq!(
            output(ssh(address, &[], text)).await.status.code(),
            Some(status),
            "{text}"
        );
    }
    let ran = output(ssh(
        address,
        &["-oSetEnv=GREETING=hi"],
        "echo $GREETING; echo err >&2",
    ))
    .await;
    assert_eq!((&*ran.stdout, &*ran.stderr), (&b"hi\n"[..], &b"err\n"[..]));
    let ran = output(ssh(address, &["-s"], "netconf")).await;
    assert_eq!(ran.status.code(), Some(255));
    server.idle().await;
}

#[tokio::test]
async fn every_cipher_works() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    for cipher in [
        "aes256-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
        "aes256-ctr",
        "aes128-ctr",
    ] {
        let ran = output(ssh(
            address,
            &["-c", cipher],
            "head -c 300000 /dev/zero | tr '\\0' x",
        ))
        .await;
        assert_eq!(ran.stdout, vec![b'x'; 300_000], "{cipher}: {ran:?}");
    }
    let ran = output(ssh(address, &["-oCiphers=3des-cbc"], "true")).await;
    assert_eq!(ran.status.code(), Some(255));
    let ran = output(ssh(address, &["-vvv"], "true")).await;
    let log = String::from_utf8_lossy(&ran.stderr);
    assert!(log.contains("kex-strict-s-v00@openssh.com"), "{log}");
    assert!(log.contains("host key algorithm: ssh-ed25519"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_each_way() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let file = local.path().join("file");
    random_file(&file, 100_000_000).await;
    let sum = checksum(&file);
    let mut up = ssh(address, &[], "tee copy | sha256sum");
    up.stdin(std::fs::File::open(&file).unwrap());
    let ran = output(up).await;
    assert!(
        String::from_utf8_lossy(&ran.stdout).starts_with(&sum),
        "{ran:?}"
    );
    let back = local.path().join("back");
    let mut down = ssh(address, &[], "cat copy");
    down.stdout(std::fs::File::create(&back).unwrap());
    assert!(
        timeout(DEADLINE, down.status())
            .await
            .expect("ssh ends")
            .unwrap()
            .success()
    );
    assert_eq!(checksum(&back), sum);
    server.idle().await;
}

/// Far more is on its way than the server keeps before the reader goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_to_a_slow_reader_comes_through() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let pipeline = "head -c 60000000 /dev/zero | ssh \"$@\" cat | (sleep 2; wc -c)";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", pipeline, "sh"])
        .args(arguments(address, &[]))
        .kill_on_drop(true);
    let ran = output(shell).await;
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout).trim(),
        "60000000",
        "{ran:?}"
    );
    server.idle().await;
}

#[tokio::test]
async fn a_terminal_that_is_resized() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let (mut terminal, pts) = pty_process::open().unwrap();
    terminal.resize(pty_process::Size::new(30, 90)).unwrap();
    let script = "stty size; read x; stty size; exit 6";
    let mut child = pty_process::Command::new("ssh")
        .args(arguments(address, &["-t"]))
        .arg(script)
        .kill_on_drop(true)
        .spawn(pts)
        .unwrap();
    let mut seen = Vec::new();
    read_until(&mut terminal, &mut seen, "30 90").await;
    terminal.resize(pty_process::Size::new(41, 121)).unwrap();
    let pid = child.id().unwrap().to_string();
    Command::new("kill")
        .args(["-WINCH", &pid])
        .status()
        .await
        .unwrap();
    // The resize is on its way before the key is.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    terminal.write_all(b"\r").await.unwrap();
    read_until(&mut terminal, &mut seen, "41 121").await;
    let status = timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(6));
    server.idle().await;
}

async fn read_until(terminal: &mut pty_process::Pty, seen: &mut Vec<u8>, text: &str) {
    let read = async {
        while !String::from_utf8_lossy(seen).contains(text) {
            let read = terminal.read_buf(seen).await;
            assert!(read.is_ok(), "ended with {}", String::from_utf8_lossy(seen));
        }
    };
    timeout(DEADLINE, read).await.expect(text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_over_one_connection() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let socket = format!("-S{}", local.path().join("control").display());
    let mut master = Command::new("ssh")
        .args(arguments(address, &["-M", "-N", &socket]))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("the master is connected", || {
        local.path().join("control").exists()
    })
    .await;
    let started = Instant::now();
    for index in 0..200 {
        let text = format!("echo {index}; exit {}", index % 7);
        let ran = output(ssh(address, &[&socket], &text)).await;
        assert_eq!(ran.stdout, format!("{index}\n").into_bytes());
        assert_eq!(ran.status.code(), Some(index % 7));
    }
    println!(
        "exec over a control master: {:.1} ms",
        started.elapsed().as_secs_f64() * 5.0
    );
    let parallel = (0..8).map(|_| output(ssh(address, &[&socket], "sleep 0.3; echo ok")));
    for ran in futures_util::future::join_all(parallel).await {
        assert_eq!(ran.stdout, b"ok\n");
    }
    server.idle().await;
    master.kill().await.unwrap();
}

#[tokio::test]
async fn a_local_port_is_forwarded() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target_port = target.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = target.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let forward = format!("-L127.0.0.1:{port}:localhost:{target_port}");
    let mut client = Command::new("ssh")
        .args(arguments(
            address,
            &["-N", "-oExitOnForwardFailure=yes", &forward],
        ))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut first = loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => break stream,
            Err(error) => assert!(started.elapsed() < DEADLINE, "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    for size in [1, 100_000, 3_000_000] {
        let sent = vec![b'z'; size];
        let (mut reader, mut writer) = first.split();
        let mut received = vec![0; size];
        let both =
            async { tokio::join!(writer.write_all(&sent), reader.read_exact(&mut received)) };
        let (wrote, read) = timeout(DEADLINE, both).await.expect("the echo arrives");
        wrote.unwrap();
        read.unwrap();
        assert!(received == sent);
    }
    // The end of one direction goes through, and the other follows.
    first.shutdown().await.unwrap();
    assert_eq!(
        timeout(DEADLINE, first.read(&mut [0]))
            .await
            .unwrap()
            .unwrap(),
        0
    );
    server.idle().await;
    client.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_killed_leaves_nothing() {
    if !is_installed(&["ssh"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    for script in ["cat /dev/zero", "cat > /dev/null"] {
        let mut ssh = ssh(address, &[], script);
        let zero = || std::fs::File::open("/dev/zero").unwrap();
        let mut client = ssh.stdin(zero()).stdout(Stdio::piped()).spawn().unwrap();
        eventually("the session runs", || server.server.task_count() == 1).await;
        client.kill().await.unwrap();
        server.idle().await;
    }
}

use std::time::Duration;

use coder_agent::ssh::WorkspaceSettings;
use coder_agent::ssh_client::{SessionRequest, Streams, TerminalRequest, TerminalSize};
use russh::Pty;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, eventually, in_terminal, is_alive, run};

#[tokio::test]
async fn a_terminal_has_the_asked_size_and_type() {
    let server = TestServer::new();
    let client = server.client().await;
    let ran = run(
        &client,
        in_terminal("stty size; echo $TERM; tty; echo $SSH_TTY", 132, 43),
        b"",
    )
    .await;
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!(lines[..2], ["43 132", "xterm"], "{ran:?}");
    assert!(lines[2].starts_with("/dev/pts/"), "{ran:?}");
    assert_eq!(lines[2], lines[3]);
    assert!(ran.text().contains("\r\n"));
    assert_eq!(
        run(&client, in_terminal("kill -INT $$", 80, 24), b"")
            .await
            .status,
        130
    );
    server.idle().await;
}

#[tokio::test]
async fn a_terminal_follows_the_size() {
    let server = TestServer::new();
    let client = server.client().await;
    let (sizes, size) = watch::channel(TerminalSize::default());
    let (mut output, stdout) = tokio::io::duplex(1024);
    let streams = Streams {
        stdin: tokio::io::empty(),
        stdout,
        stderr: tokio::io::sink(),
    };
    let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
    let session = client.run(in_terminal(script, 80, 24), streams, size);
    let test = async {
        let mut seen = Vec::new();
        read_until(&mut output, &mut seen, "ready").await;
        sizes.send_replace(TerminalSize {
            columns: 101,
            rows: 37,
        });
        read_until(&mut output, &mut seen, "37 101").await;
    };
    tokio::select! {
        status = session => panic!("the session ended: {status:?}"),
        () = test => {}
    }
    // The session is dropped, the connection too: the terminal goes and its program with it.
    client.disconnect().await;
    server.idle().await;
}

async fn read_until(source: &mut tokio::io::DuplexStream, seen: &mut Vec<u8>, text: &str) {
    let read = async {
        while !String::from_utf8_lossy(seen).contains(text) {
            assert_ne!(source.read_buf(seen).await.unwrap(), 0, "the output ended");
        }
    };
    timeout(DEADLINE, read).await.expect(text);
}

#[tokio::test]
async fn modes_of_the_clients_terminal_arrive() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    let modes = [(Pty::ECHO, 0), (Pty::VINTR, 7), (Pty::ISIG, 1)];
    channel
        .request_pty(false, "vt100", 80, 24, 0, 0, &modes)
        .await
        .unwrap();
    channel.exec(false, "stty -a").await.unwrap();
    let mut output = Vec::new();
    while let Some(message) = channel.wait().await {
        if let russh::ChannelMsg::Data { data } = message {
            output.extend_from_slice(&data);
        }
    }
    let output = String::from_utf8(output).unwrap();
    for expected in ["-echo", "isig", "icanon"] {
        assert!(
            output.split_whitespace().any(|word| word == expected),
            "{expected}: {output}"
        );
    }
    assert!(output.contains("intr = ^G;"), "{output}");
}

#[tokio::test]
async fn an_interactive_login_shell() {
    let server = TestServer::new();
    let motd = server.home.path().join("motd");
    std::fs::write(&motd, "welcome\n").unwrap();
    server.server.update(WorkspaceSettings {
        motd_file: Some(motd),
        announcement_banners: vec!["maintenance".into()],
        ..WorkspaceSettings::default()
    });
    let client = server.client().await;
    let request = SessionRequest {
        terminal: Some(TerminalRequest::default()),
        ..SessionRequest::default()
    };
    let (mut keys, stdin) = tokio::io::duplex(1024);
    let (mut screen, stdout) = tokio::io::duplex(64 * 1024);
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let streams = Streams {
        stdin,
        stdout,
        stderr: tokio::io::sink(),
    };
    let session = client.run(request, streams, size);
    let test = async {
        let mut seen = Vec::new();
        read_until(&mut screen, &mut seen, "maintenance\r\nwelcome\r\n").await;
        keys.write_all(b"echo name is $0 'and' $((6*7))\r")
            .await
            .unwrap();
        read_until(&mut screen, &mut seen, "name is -bash and 42").await;
        // Ctrl-C reaches the foreground program, not the shell. What is typed behind it too early is
        // flushed with it, as by every terminal.
        let program =
            "sh -c 'trap \"echo got; exit 3\" INT; echo start; while :; do sleep 0.1; done'\r";
        keys.write_all(program.as_bytes()).await.unwrap();
        read_until(&mut screen, &mut seen, "\nstart\r\n").await;
        keys.write_all(b"\x03").await.unwrap();
        read_until(&mut screen, &mut seen, "got\r\n").await;
        keys.write_all(b"echo status $?\r").await.unwrap();
        read_until(&mut screen, &mut seen, "status 3").await;
        keys.write_all(b"exit 5\r").await.unwrap();
        let mut rest = Vec::new();
        screen.read_to_end(&mut rest).await.unwrap();
    };
    let (status, ()) = timeout(DEADLINE, async { tokio::join!(session, test) })
        .await
        .unwrap();
    assert_eq!(status.unwrap(), 5);
    server.idle().await;
}

#[tokio::test]
async fn a_terminal_is_hung_up_when_the_client_leaves() {
    let server = TestServer::new();
    let client = server.client().await;
    let file = server.home.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 600", file.display());
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let streams = Streams {
        stdin: tokio::io::empty(),
        stdout: tokio::io::sink(),
        stderr: tokio::io::sink(),
    };
    let session = client.run(in_terminal(&script, 80, 24), streams, size);
    let pid = || std::fs::read_to_string(&file).unwrap_or_default();
    tokio::select! {
        status = session => panic!("the session ended: {status:?}"),
        () = eventually("the program runs", || pid().ends_with('\n') && is_alive(&pid())) => {}
    }
    drop(client);
    eventually("the program is gone", || !is_alive(&pid())).await;
    server.idle().await;
}

#[tokio::test]
async fn output_before_the_exit_is_not_lost() {
    let server = TestServer::new();
    let client = server.client().await;
    for _ in 0..10 {
        let ran = run(&client, in_terminal("seq 1 20000", 80, 24), b"").await;
        assert_eq!(ran.text().lines().last(), Some("20000"));
        assert_eq!(ran.text().lines().count(), 20000);
    }
    let ran = run(&client, in_terminal("sleep 600 & echo gone", 80, 24), b"");
    let ran = timeout(Duration::from_secs(20), ran)
        .await
        .expect("a job does not hold the terminal");
    assert_eq!(ran.text(), "gone\r\n");
    server.idle().await;
}

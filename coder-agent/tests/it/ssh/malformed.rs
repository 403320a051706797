//! Clients that know the protocol well enough to break it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, command, eventually, run};
use super::wire::{Message, WireClient, kexinit, msg, open, plain_packet, request};

/// Expects the server to end the connection by itself, without a panic.
async fn is_ended(served: tokio::task::JoinHandle<coder_agent::Result<()>>, what: &str) {
    let outcome = timeout(DEADLINE, served)
        .await
        .unwrap_or_else(|_| panic!("{what}: the connection goes on"))
        .expect("no panic");
    let error = format!("{:?}", outcome.expect_err(what));
    assert!(!error.contains("panic"), "{what}: {error}");
}

async fn still_works(server: &TestServer) {
    let client = server.client().await;
    let ran = run(&client, command("echo alive"), b"").await;
    assert_eq!(ran.text(), "alive\n");
}

/// What a client may say about session 0.
fn session_messages() -> Vec<Message> {
    vec![
        request(0, "pty-req")
            .string("xterm")
            .number(80)
            .number(24)
            .number(0)
            .number(0)
            .string([1, 0, 0, 0, 3, 0]),
        request(0, "x11-req")
            .byte(0)
            .string("MIT-MAGIC-COOKIE-1")
            .string("00ff")
            .number(0),
        request(0, "env").string("LANG").string("C"),
        request(0, "shell"),
        request(0, "exec").string("true"),
        request(0, "subsystem").string("sftp"),
        request(0, "window-change")
            .number(1)
            .number(1)
            .number(1)
            .number(1),
        request(0, "signal").string("TERM"),
        request(0, "auth-agent-req@openssh.com"),
        Message::new(msg::CHANNEL_WINDOW_ADJUST).number(0).number(1),
        Message::new(msg::CHANNEL_DATA).number(0).string("data"),
        Message::new(msg::CHANNEL_EXTENDED_DATA)
            .number(0)
            .number(1)
            .string("data"),
        Message::new(msg::CHANNEL_EOF).number(0),
        Message::new(msg::CHANNEL_CLOSE).number(0),
    ]
}

/// What a client may say about other channels, and forwards.
fn other_messages() -> Vec<Message> {
    vec![
        open("session", 9),
        open("x11", 9).string("localhost").number(1),
        open("direct-tcpip", 9)
            .string("127.0.0.1")
            .number(1)
            .string("127.0.0.1")
            .number(1),
        open("direct-streamlocal@openssh.com", 9)
            .string("/no/such")
            .string("")
            .number(0),
        Message::new(msg::GLOBAL_REQUEST)
            .string("tcpip-forward")
            .byte(1)
            .string("localhost")
            .number(0),
        Message::new(msg::GLOBAL_REQUEST)
            .string("cancel-tcpip-forward")
            .byte(1)
            .string("localhost")
            .number(1),
        Message::new(msg::GLOBAL_REQUEST)
            .string("streamlocal-forward@openssh.com")
            .byte(1)
            .string("r.sock"),
        Message::new(msg::GLOBAL_REQUEST)
            .string("cancel-streamlocal-forward@openssh.com")
            .byte(1)
            .string("r.sock"),
        Message::new(msg::GLOBAL_REQUEST)
            .string("keepalive@openssh.com")
            .byte(1),
    ]
}

/// Each request with its fields cut off everywhere, and with something behind them.
#[tokio::test]
async fn requests_that_are_too_short_or_too_long() {
    let server = TestServer::new();
    let mut broken = 0;
    for message in session_messages().into_iter().chain(other_messages()) {
        let mut variants: Vec<Vec<u8>> = (1..message.0.len())
            .map(|length| message.0[..length].to_vec())
            .collect();
        variants.push([&message.0[..], b"more"].concat());
        // The first length of a string says 4 GB.
        let mut huge = message.0.clone();
        if let Some(at) = huge.windows(3).position(|window| window == [0, 0, 0]) {
            huge[at] = 0xff;
        }
        variants.push(huge);
        for variant in variants {
            let (stream, served) = server.stream();
            let mut client = WireClient::logged_in(stream).await;
            let channel = client.session(1).await;
            let mut variant = variant;
            if (94..=100).contains(&variant[0]) && variant.len() >= 5 {
                variant[1..5].copy_from_slice(&channel.to_be_bytes());
            }
            client.send(&variant).await.unwrap();
            // Either the connection is over, or it takes another session as if nothing had been.
            let answer = async {
                client.send(&open("session", 2).0).await?;
                client.until(msg::CHANNEL_OPEN_CONFIRMATION).await
            };
            if timeout(DEADLINE, answer).await.expect("an answer").is_err() {
                broken += 1;
                is_ended(served, "a malformed request").await;
            }
        }
    }
    assert!(broken > 100, "{broken}");
    server.idle().await;
    still_works(&server).await;
}

/// All messages there are, empty and with a little behind them, before and after the login.
#[tokio::test]
async fn messages_of_every_kind() {
    let server = TestServer::new();
    for kind in 0..=255_u8 {
        for payload in [&[0; 4][..], &[255; 40]] {
            for log_in in [false, true] {
                let (stream, served) = server.stream();
                let mut client = if log_in {
                    WireClient::logged_in(stream).await
                } else {
                    WireClient::connect(stream, false).await.unwrap()
                };
                client.send(&[&[kind][..], payload].concat()).await.unwrap();
                let _ = client.send(&[msg::IGNORE, 0, 0, 0, 0]).await;
                client.writer.shutdown().await.unwrap();
                drop(client);
                let outcome = timeout(DEADLINE, served).await.expect("it ends");
                let outcome = format!("{:?}", outcome.expect("no panic"));
                assert!(!outcome.contains("panic"), "{kind}: {outcome}");
            }
        }
    }
    server.idle().await;
    still_works(&server).await;
}

#[tokio::test]
async fn messages_for_channels_that_are_not_there() {
    let server = TestServer::new();
    let (stream, _served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    for channel in [0, 1, 77, u32::MAX] {
        for message in [
            Message::new(msg::CHANNEL_DATA).number(channel).string("x"),
            Message::new(msg::CHANNEL_EOF).number(channel),
            Message::new(msg::CHANNEL_CLOSE).number(channel),
            Message::new(msg::CHANNEL_WINDOW_ADJUST)
                .number(channel)
                .number(u32::MAX),
            request(channel, "exec").string("true"),
            request(channel, "no-such-request@example.com"),
        ] {
            client.send(&message.0).await.unwrap();
        }
    }
    client.session(1).await;
    drop(client);
    server.idle().await;
}

/// A client that confirms channels that nobody has asked for.
#[tokio::test]
async fn confirmations_out_of_the_blue() {
    let server = TestServer::new();
    let confirmation = |channel: u32| {
        Message::new(msg::CHANNEL_OPEN_CONFIRMATION)
            .number(channel)
            .number(5)
            .number(u32::MAX)
            .number(u32::MAX)
            .0
    };
    let (stream, served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    client.send(&confirmation(99)).await.unwrap();
    is_ended(served, "an unknown channel").await;
    // One of its own: it may harm itself.
    let (stream, _served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    let channel = client.session(1).await;
    client.send(&confirmation(channel)).await.unwrap();
    client
        .send(&request(channel, "exec").string("true").0)
        .await
        .unwrap();
    client.session(2).await;
    drop(client);
    server.idle().await;
}

#[tokio::test]
async fn windows_do_not_overflow() {
    let server = TestServer::new();
    let (stream, _served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    let channel = client.session(1).await;
    for _ in 0..3 {
        let adjust = Message::new(msg::CHANNEL_WINDOW_ADJUST)
            .number(channel)
            .number(u32::MAX);
        client.send(&adjust.0).await.unwrap();
    }
    let exec = request(channel, "exec").string("echo enough");
    client.send(&exec.0).await.unwrap();
    let data = client.until(msg::CHANNEL_DATA).await.unwrap();
    assert!(data.ends_with(b"enough\n"));
    // More than the window allows, with nobody who reads: memory is bounded by other means, so it
    // is taken as far as that goes.
    let channel = client.session(2).await;
    let exec = request(channel, "exec").string("exec sleep 600");
    client.send(&exec.0).await.unwrap();
    let mut sender = client.forget_answers();
    let chunk = Message::new(msg::CHANNEL_DATA)
        .number(channel)
        .string(vec![0; 32_000]);
    let mut sent = 0;
    while sent < 100_000_000 {
        match timeout(Duration::from_millis(500), sender.send(&chunk.0)).await {
            Ok(Ok(())) => sent += 32_000,
            _ => break,
        }
    }
    println!("{} MB were taken", sent / 1_000_000);
    assert!((16_000_000..40_000_000).contains(&sent), "{sent}");
    server.server.close().await;
}

#[tokio::test]
async fn ten_thousand_channels() {
    let server = TestServer::new();
    let (stream, _served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    let (mut taken, mut refused) = (0, 0);
    for id in 0..10_000 {
        client.send(&open("session", id).0).await.unwrap();
        match client.receive().await.unwrap()[0] {
            msg::CHANNEL_OPEN_CONFIRMATION => taken += 1,
            msg::CHANNEL_OPEN_FAILURE => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((taken, refused), (1024, 8976));
    drop(client);
    server.idle().await;
}

/// Packets whose length or content is no packet's.
#[tokio::test]
async fn frames_that_are_none() {
    let server = TestServer::new();
    for bytes in [
        &[0xff; 4][..],
        &[0, 0x10, 0, 0],
        &[0, 0, 0, 0],
        &[0, 0, 0, 1],
        &[0, 0, 0, 32],
        &[0x7f; 4096],
    ] {
        let (stream, served) = server.stream();
        let mut client = WireClient::logged_in(stream).await;
        client.writer.write_all(bytes).await.unwrap();
        client.writer.write_all(&[0; 256]).await.unwrap();
        is_ended(served, "a frame that is none").await;
    }
    server.idle().await;
}

/// What the attack named Terrapin needs: a message more before the new keys.
#[tokio::test]
async fn strict_key_exchange_takes_nothing_else() {
    let server = TestServer::new();
    for (strict, message) in [
        (true, vec![msg::IGNORE, 0, 0, 0, 0]),
        (
            true,
            Message::new(msg::DEBUG).byte(0).string("x").string("").0,
        ),
        (true, Message::new(msg::UNIMPLEMENTED).number(0).0),
    ] {
        let (mut stream, served) = server.stream();
        stream.write_all(b"SSH-2.0-wire_1.0\r\n").await.unwrap();
        stream
            .write_all(&plain_packet(&kexinit(strict)))
            .await
            .unwrap();
        stream.write_all(&plain_packet(&message)).await.unwrap();
        is_ended(served, "an additional message").await;
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
    }
    // The handshake itself works, and so does one without.
    for strict in [true, false] {
        let (stream, _served) = server.stream();
        WireClient::connect(stream, strict).await.unwrap();
    }
}

/// A client that asks and asks, and never reads an answer.
#[tokio::test]
async fn answers_that_nobody_reads_are_bounded() {
    let server = TestServer::new();
    let (stream, served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    let ask = Message::new(msg::GLOBAL_REQUEST)
        .string("keepalive@openssh.com")
        .byte(1);
    let asking = async {
        for _ in 0..10_000_000 {
            client.send(&ask.0).await.unwrap();
        }
    };
    // The server stops to read long before that.
    assert!(timeout(Duration::from_secs(10), asking).await.is_err());
    drop(client);
    let outcome = timeout(DEADLINE, served).await.expect("it ends");
    drop(outcome.expect("no panic"));
    server.idle().await;
}

/// A client whose machine sleeps: nothing comes from it any more, and nothing says so.
#[tokio::test]
async fn half_open_connections_end() {
    let server = TestServer::with_timeout(Duration::from_secs(3));
    let (stream, served) = server.stream();
    let mut client = WireClient::logged_in(stream).await;
    let channel = client.session(1).await;
    let exec = request(channel, "exec").string("cat /dev/zero");
    client.send(&exec.0).await.unwrap();
    let forward = Message::new(msg::GLOBAL_REQUEST)
        .string("streamlocal-forward@openssh.com")
        .byte(1)
        .string("r.sock");
    client.send(&forward.0).await.unwrap();
    eventually("the socket is there", || {
        server.home.path().join("r.sock").exists()
    })
    .await;
    let outcome = timeout(DEADLINE, served).await.expect("it ends").unwrap();
    assert_eq!(
        outcome.unwrap_err().kind(),
        coder_agent::ErrorKind::TimedOut
    );
    server.idle().await;
    assert!(!server.home.path().join("r.sock").exists());
    drop(client);
}

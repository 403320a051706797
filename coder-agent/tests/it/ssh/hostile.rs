use std::time::Duration;

use coder_agent::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, command, eventually, run};

const HELLO: &[u8] = b"SSH-2.0-hostile\r\n";

/// Sends something and expects the server to hang up by itself.
async fn is_turned_away(server: &TestServer, bytes: &[u8]) {
    let (mut stream, served) = server.stream();
    // The server may hang up before it has read everything.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    drop(read.expect("the server hangs up"));
    let outcome = timeout(DEADLINE, served)
        .await
        .expect("serving ends")
        .expect("no panic");
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(answer.len() < 64 * 1024);
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let server = TestServer::new();
    let mut noise = vec![0_u8; 300_000];
    for (index, byte) in noise.iter_mut().enumerate() {
        *byte = (index.wrapping_mul(2_654_435_761) >> 13) as u8;
    }
    is_turned_away(&server, &noise).await;
    is_turned_away(&server, &[HELLO, &noise].concat()).await;
    is_turned_away(&server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    is_turned_away(&server, &[b'S'; 100_000]).await;
    // A packet of 4 GB, one of no bytes, one that is all padding, one of an unknown kind.
    is_turned_away(&server, &[HELLO, &[0xff; 64]].concat()).await;
    is_turned_away(&server, &[HELLO, &[0; 64]].concat()).await;
    is_turned_away(&server, &[HELLO, &[0, 0, 0, 12, 255], &[0; 11]].concat()).await;
    is_turned_away(&server, &[HELLO, &[0, 0, 0, 12, 4, 93], &[0; 10]].concat()).await;
    assert_eq!(server.server.task_count(), 0);
    let client = server.client().await;
    assert_eq!(
        run(&client, command("echo alive"), b"").await.text(),
        "alive\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_log_in_is_dropped() {
    for bytes in [b"".as_slice(), HELLO] {
        let server = TestServer::new();
        let (mut stream, served) = server.stream();
        stream.write_all(bytes).await.unwrap();
        let outcome = served.await.unwrap();
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_timeout_is_a_deadline() {
    let server = TestServer::with_timeout(Duration::from_secs(2));
    let (stream, served) = server.stream();
    let options = coder_agent::ssh_client::SshClientOptions::default();
    let _client = coder_agent::ssh_client::SshClient::connect(stream, options)
        .await
        .unwrap();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn channels_are_bounded() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut open = Vec::new();
    for _ in 0..1024 {
        open.push(client.channel_open_session().await.unwrap());
    }
    for _ in 0..3000 {
        let Err(error) = client.channel_open_session().await else {
            panic!("one too many")
        };
        assert!(error.to_string().contains("ResourceShortage"), "{error}");
    }
    assert!(
        client
            .channel_open_direct_tcpip("127.0.0.1", 9, "127.0.0.1", 9)
            .await
            .is_err()
    );
    // Closing one makes room for one.
    open.pop().unwrap().close().await.unwrap();
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(false, "true").await.unwrap();
    eventually("the program has ended", || server.server.task_count() == 0).await;
    drop(client);
}

#[tokio::test]
async fn input_before_a_program_is_bounded_and_kept() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.data_bytes(b"early".to_vec()).await.unwrap();
    channel.exec(true, "cat").await.unwrap();
    channel.eof().await.unwrap();
    let mut output = Vec::new();
    while let Some(message) = channel.wait().await {
        if let russh::ChannelMsg::Data { data } = message {
            output.extend_from_slice(&data);
        }
    }
    assert_eq!(output, b"early");
}

#[tokio::test]
async fn variables_are_bounded() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for index in 0..500 {
        channel
            .set_env(true, format!("V{index}"), "x")
            .await
            .unwrap();
        match channel.wait().await {
            Some(russh::ChannelMsg::Success) => accepted += 1,
            Some(russh::ChannelMsg::Failure) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted, refused), (128, 372));
}

/// What clients call things becomes an argument, a variable or a file, and never a command.
#[tokio::test]
async fn names_are_not_run() {
    const NAMES: &[&str] = &[
        "$(touch ran)",
        "`touch ran`",
        "x; touch ran",
        "-oProxyCommand=touch ran",
        "a\ntouch ran\n",
        "'; touch ran; '",
    ];
    let server = TestServer::new();
    for name in NAMES {
        let (stream, _) = server.stream();
        let options = coder_agent::ssh_client::SshClientOptions {
            user: (*name).to_owned(),
            ..Default::default()
        };
        let client = coder_agent::ssh_client::SshClient::connect(stream, options)
            .await
            .unwrap();
        let mut request = command("echo \"$USER\"; printf %s \"$ODD\"; test ! -e ran");
        request.environment.insert("ODD".into(), (*name).to_owned());
        request
            .environment
            .insert(name.replace('=', "_"), "x".into());
        request
            .environment
            .insert("TERM".into(), (*name).to_owned());
        let ran = run(&client, request, b"").await;
        assert_eq!((ran.status, ran.text()), (0, &*format!("alice\n{name}")));
        assert!(client.dial(name, 80).await.is_err());
        assert!(client.dial_unix(name).await.is_err());
        assert!(client.listen(name, 0).await.is_err());
        drop(client.listen_unix(name).await);
    }
    server.idle().await;
    assert!(!server.home.path().join("ran").exists());
}

//! The agent's HTTP API against good and hostile peers, over in-memory streams.

use std::time::Duration;

use coder_agent::ErrorKind;
use coder_agent::http_api::{self, HttpApi, ListeningPortsResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_util::sync::CancellationToken;

use crate::support::soon;

fn api() -> DuplexStream {
    let (near, far) = duplex(64 * 1024);
    tokio::spawn(async move {
        HttpApi::default()
            .serve(far, CancellationToken::new())
            .await;
    });
    near
}

/// What comes of an agent that says this, and what is behind the bar again and again.
async fn hostile(said: &str) -> coder_agent::Error {
    let said = said.as_bytes().to_vec();
    let (near, far) = duplex(64 * 1024);
    let (mut reader, mut writer) = tokio::io::split(far);
    let hostile = tokio::spawn(async move {
        // The request comes first, else it is no answer.
        let mut request = [0; 1024];
        let _ = reader.read(&mut request).await?;
        let mut parts = said.splitn(2, |byte| *byte == b'|');
        let (head, repeated) = (parts.next().unwrap(), parts.next());
        writer.write_all(head).await?;
        while let Some(repeated) = repeated {
            writer.write_all(repeated).await?;
        }
        std::future::pending::<std::io::Result<()>>().await
    });
    let answer = soon(http_api::listening_ports(near)).await;
    hostile.abort();
    answer.unwrap_err()
}

#[tokio::test]
async fn calls_are_answered() {
    let found: ListeningPortsResponse = http_api::get(api(), "/api/v0/listening-ports")
        .await
        .unwrap();
    assert!(found.ports.is_sorted_by_key(|port| port.port));
    let absent = http_api::get::<serde_json::Value>(api(), "/api/v0/nothing").await;
    let absent = absent.unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
    assert_eq!(absent.message(), "The agent does not know this path.");

    let mut raw = api();
    raw.write_all(
        b"DELETE /api/v0/listening-ports HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await
    .unwrap();
    let mut answer = String::new();
    soon(raw.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

#[tokio::test]
async fn many_at_once_get_the_same_answer() {
    let listeners = HttpApi::default();
    let calls = (0..50).map(|_| {
        let (near, far) = duplex(4096);
        let api = listeners.clone();
        tokio::spawn(async move { api.serve(far, CancellationToken::new()).await });
        http_api::listening_ports(near)
    });
    let answers = futures_util::future::join_all(calls).await;
    let first = answers[0].as_ref().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().unwrap() == first)
    );
}

#[tokio::test]
async fn hostile_agents_are_bounded() {
    use ErrorKind::{Protocol, TooLarge};
    let ok = "HTTP/1.1 200 OK\r\n";
    for (said, kind) in [
        (
            format!("{ok}|x-a: aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
            Protocol,
        ),
        (format!("{ok}x: |aaaaaaaaaaaaaaaaaaaaaaaaaaaa"), Protocol),
        (format!("{ok}\r\n|[[[[[[[[[[[[[[[[[[[[[[[[[[[["), TooLarge),
        (
            format!("{ok}content-length: 99999999999\r\n\r\n{{"),
            TooLarge,
        ),
        (
            format!("{ok}transfer-encoding: chunked\r\n\r\n|4\r\nabcd\r\n"),
            TooLarge,
        ),
        (format!("{ok}content-length: 2\r\n\r\n[]"), Protocol),
        (
            format!("{ok}content-length: 26\r\n\r\n{{\"ports\":[{{\"port\":99999}}]}}"),
            Protocol,
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n".into(), Protocol),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
                .into(),
            Protocol,
        ),
    ] {
        let error = hostile(&said).await;
        assert_eq!(error.kind(), kind, "{said}");
        assert!(!error.message().contains(char::is_control));
    }
}

#[tokio::test]
async fn a_refusal_is_cleaned() {
    let said = "HTTP/1.1 500 Oops\r\ncontent-length: 38\r\n\r\n{\"message\":\"a\\u001b]52;c;x\\u0007\\nb\"}   ";
    let error = hostile(said).await;
    assert_eq!(error.message(), "a]52;c;xb");
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_given_up() {
    let (near, _far) = duplex(1024);
    let begin = tokio::time::Instant::now();
    let error = http_api::listening_ports(near).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed(), Duration::from_secs(20));
}

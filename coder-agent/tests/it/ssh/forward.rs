use coder_agent::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::harness::TestServer;

#[tokio::test]
async fn streams_are_forwarded_with_half_close() {
    let server = TestServer::new();
    let client = server.client().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let upper = tokio::spawn(async move {
        for _ in 0..20 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            stream
                .write_all(text.to_uppercase().as_bytes())
                .await
                .unwrap();
        }
    });
    for _ in 0..20 {
        let mut stream = client.dial("localhost", port).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "HELLO");
    }
    upper.await.unwrap();
    server.idle().await;
}

#[tokio::test]
async fn nobody_listens() {
    let server = TestServer::new();
    let client = server.client().await;
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (host, port) in [
        ("127.0.0.1", free),
        ("no such host", 80),
        ("", 80),
        ("127.0.0.1", 0),
    ] {
        let Err(error) = client.dial(host, port).await else {
            panic!("{host}:{port} answers")
        };
        assert_eq!(error.kind(), ErrorKind::Refused, "{host}:{port}");
    }
    server.idle().await;
}

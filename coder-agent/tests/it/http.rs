//! The calls and the tunnel over real HTTP.

use std::sync::Arc;

use coder_agent::testing::FakeAgentApi;
use coder_agent::tunnel::TunnelAcceptor;
use coder_agent::{AgentApi, AgentClient, AgentConn, ErrorKind, agent_api_conformance};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use url::Url;

use crate::support::{TOKEN, TestServer, app, manifest, metadata, script, soon};

fn fake() -> FakeAgentApi {
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "true")];
    manifest.apps = vec![app(1, "http://localhost:1")];
    manifest.metadata = vec![metadata("cpu", "coder stat cpu")];
    FakeAgentApi::new(manifest)
}

async fn in_memory() -> ((), Box<dyn AgentApi>) {
    ((), Box::new(fake()))
}

async fn over_http() -> (TestServer, Box<dyn AgentApi>) {
    let server = TestServer::start(fake()).await;
    let client = AgentClient::new(&server.url, TOKEN).unwrap();
    (server, Box::new(client))
}

agent_api_conformance!(fake_api, in_memory);
agent_api_conformance!(http_client, over_http);

#[tokio::test]
async fn refusals_are_told_apart() {
    let server = TestServer::start(fake()).await;
    let wrong = AgentClient::new(&server.url, "wrong").unwrap();
    let error = wrong.manifest().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.message(), "Agent token is not valid.");
    assert_eq!(
        wrong.tunnel().await.unwrap_err().kind(),
        ErrorKind::Unauthenticated
    );

    let client = AgentClient::new(&server.url, TOKEN).unwrap();
    server.api().fail_with(Some(ErrorKind::Unavailable));
    assert!(client.manifest().await.unwrap_err().is_temporary());
    let nobody = AgentClient::new(&Url::parse("http://127.0.0.1:1").unwrap(), TOKEN).unwrap();
    assert!(nobody.manifest().await.unwrap_err().is_temporary());
    for wrong in ["ftp://example.com", "unix:/x"] {
        assert!(AgentClient::new(&Url::parse(wrong).unwrap(), TOKEN).is_err());
    }
    assert!(AgentClient::new(&server.url, "a\nb").is_err());
    assert!(!format!("{client:?}").contains(TOKEN));
}

/// An agent that connects every stream with itself.
async fn echo(mut acceptor: TunnelAcceptor) {
    while let Ok(incoming) = acceptor.accept().await {
        tokio::spawn(async move {
            if let Ok(Some((_, stream))) = incoming.request().await {
                let (mut reader, mut writer) = tokio::io::split(stream.accept().await.unwrap());
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.shutdown().await;
            }
        });
    }
}

#[tokio::test]
async fn clients_reach_the_agent_through_the_server() {
    let server = TestServer::start(fake()).await;
    let client = AgentClient::new(&server.url, TOKEN).unwrap();
    let conn = AgentConn::new(&server.url, TOKEN).unwrap();
    let agent_id = manifest().agent_id;
    let error = conn.dial(agent_id, 8080).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Unavailable, "Agent is not connected.")
    );

    let agent = tokio::spawn(echo(TunnelAcceptor::new(client.tunnel().await.unwrap())));
    server.tunnel().await;
    let mut dials = Vec::new();
    for _ in 0..5 {
        let conn = conn.clone();
        dials.push(tokio::spawn(async move {
            let stream = conn.dial(agent_id, 8080).await.unwrap();
            let (mut reader, mut writer) = tokio::io::split(stream);
            let sent: Vec<u8> = (0..2_000_000_u32).map(|i| (i / 7) as u8).collect();
            let expected = sent.clone();
            let write = async move {
                writer.write_all(&sent).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let mut received = Vec::new();
            let (_, read) = tokio::join!(write, reader.read_to_end(&mut received));
            read.unwrap();
            assert!(received == expected);
        }));
    }
    for dial in dials {
        soon(dial).await.unwrap();
    }
    agent.abort();
    soon(server.tunnel()).await.closed().await;
}

#[tokio::test]
async fn an_address_with_a_path_is_kept() {
    // A server behind a prefix of a reverse proxy.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/coder/?x#y", listener.local_addr().unwrap());
    let client = AgentClient::new(&Url::parse(&url).unwrap(), TOKEN).unwrap();
    let asked = Arc::new(client);
    let call = tokio::spawn(async move { asked.manifest().await.map(drop) });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4_096];
    let length = socket.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
    assert!(
        request.starts_with("get /coder/api/v2/workspaceagents/me/manifest http/1.1"),
        "{request}"
    );
    assert!(request.contains(&format!("coder-session-token: {TOKEN}")));
    // A redirect is not followed with the token.
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    socket.write_all(redirect.as_bytes()).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Protocol);
    let _ = copy_bidirectional(&mut socket, &mut tokio::io::empty()).await;
}

//! An agent without a token, on a machine of a cloud that the tests make up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use coder_agent::instance_identity::MetadataService;
use coder_agent::protocol::LifecycleState;
use coder_agent::testing::FakeAgentApi;
use coder_agent::{AgentApi as _, AgentClient, ErrorKind};
use coder_core::clock::OsEntropy;
use coder_core::instance_identity::Cloud;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{TOKEN, TestServer, manifest, script, until};

/// A metadata service: answers the requests that it knows, and remembers all.
struct Metadata {
    url: Url,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Metadata {
    async fn start(answers: &[(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: BTreeMap<&str, &str> = answers.iter().copied().collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8_192];
                let mut length = 0;
                while !request[..length].windows(4).any(|end| end == b"\r\n\r\n") {
                    length += socket.read(&mut request[length..]).await.unwrap();
                }
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let line = request.split(" HTTP/").next().unwrap();
                let known = answers.iter().find(|(start, _)| line.starts_with(*start));
                let (status, body) = match known {
                    Some((_, body)) => ("200 OK", *body),
                    None => ("404 Not Found", ""),
                };
                remembered
                    .lock()
                    .unwrap()
                    .push(request.to_ascii_lowercase());
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            url: url.parse().unwrap(),
            asked,
        }
    }

    fn client(&self, cloud: Cloud, agent_name: &str, server: &Url) -> AgentClient {
        let url = Some(self.url.clone());
        let entropy = Arc::new(OsEntropy);
        let source = MetadataService::new(cloud, url, agent_name, entropy).unwrap();
        AgentClient::with_identity(server, Box::new(source)).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn aws() -> Metadata {
    Metadata::start(&[
        ("PUT /latest/api/token", "imds-token"),
        (
            "GET /latest/dynamic/instance-identity/signature",
            "c2lnbmVk",
        ),
        (
            "GET /latest/dynamic/instance-identity/document",
            "{\n  \"instanceId\": \"i-1\"\n}",
        ),
    ])
    .await
}

#[tokio::test]
async fn documents_of_each_cloud_are_exchanged() {
    let azure = r#"{"encoding":"pkcs7","signature":"AAAA"}"#;
    let metadata = [
        (Cloud::Aws, aws().await),
        (
            Cloud::Azure,
            Metadata::start(&[("GET /metadata/attested/document?", azure)]).await,
        ),
        (
            Cloud::Google,
            Metadata::start(&[("GET /computeMetadata/v1/", "a.b.c")]).await,
        ),
    ];
    for (cloud, metadata) in &metadata {
        let server = TestServer::start(FakeAgentApi::new(manifest())).await;
        let client = metadata.client(*cloud, "main", &server.url);
        assert_eq!(client.manifest().await.unwrap(), manifest());
        assert_eq!(client.token().get().expose(), TOKEN);
        assert!(!format!("{client:?}").contains(TOKEN));
        client.manifest().await.unwrap();
        let exchanged = server.state.exchanged.lock().unwrap().clone();
        assert_eq!(exchanged.len(), 1, "one token is enough: {exchanged:?}");
        let (path, body) = &exchanged[0];
        assert_eq!(*path, format!("{cloud}-instance-identity"));
        assert_eq!(body["agent_name"], "main");
        match cloud {
            Cloud::Aws => {
                assert_eq!(body["signature"], "c2lnbmVk");
                assert_eq!(body["document"], "{\n  \"instanceId\": \"i-1\"\n}");
            }
            Cloud::Azure => assert_eq!(
                (&body["signature"], &body["encoding"]),
                (&"AAAA".into(), &"pkcs7".into())
            ),
            Cloud::Google => assert_eq!(body["json_web_token"], "a.b.c"),
        }
    }
    let [(_, aws), (_, azure), (_, google)] = &metadata;
    let asked = aws.asked();
    assert!(
        asked[0].contains("x-aws-ec2-metadata-token-ttl-seconds: 21600"),
        "{asked:?}"
    );
    assert!(
        asked[1..]
            .iter()
            .all(|one| one.contains("x-aws-ec2-metadata-token: imds-token"))
    );
    let asked = azure.asked();
    assert!(
        asked[0].contains("api-version=2020-09-01&nonce="),
        "{asked:?}"
    );
    assert!(asked[0].contains("metadata: true"));
    let asked = google.asked();
    assert!(
        asked[0].contains("/service-accounts/default/identity?audience=coder&format=full"),
        "{asked:?}"
    );
    assert!(asked[0].contains("metadata-flavor: google"));
}

#[tokio::test]
async fn a_refused_token_is_exchanged_anew() {
    let metadata = aws().await;
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    let client = metadata.client(Cloud::Aws, "", &server.url);
    client.manifest().await.unwrap();
    // A newer build: the server does not know the token any more.
    *server.state.token.lock().unwrap() = "0b1f6c9e-0000-4000-8000-000000000002".to_owned();
    assert_eq!(
        client.manifest().await.unwrap_err().kind(),
        ErrorKind::Unauthenticated
    );
    client.manifest().await.unwrap();
    assert_eq!(
        client.token().get().expose(),
        "0b1f6c9e-0000-4000-8000-000000000002"
    );
    assert_eq!(server.state.exchanged.lock().unwrap().len(), 2);
    // Without the service nothing works, and it may be there again later.
    let nobody = Metadata::start(&[]).await;
    let client = nobody.client(Cloud::Google, "", &server.url);
    let error = client.manifest().await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(
        error.message().contains("metadata service of google"),
        "{error}"
    );
}

#[tokio::test]
async fn the_binary_takes_its_machine_for_a_token() {
    let metadata = aws().await;
    let home = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.scripts = vec![script(
        1,
        "echo token=$CODER_AGENT_TOKEN url=$CODER_AGENT_URL",
    )];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let mut agent = tokio::process::Command::new(env!("CARGO_BIN_EXE_coder-agent"))
        .arg("agent")
        .env("CODER_AGENT_URL", server.url.as_str())
        .env("CODER_AGENT_AUTH", "aws-instance-identity")
        .env("CODER_AGENT_METADATA_URL", metadata.url.as_str())
        // The service is on this machine: no proxy may answer for it.
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("NO_PROXY", "localhost")
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("ready", || {
        server.api().states().contains(&LifecycleState::Ready)
    })
    .await;
    let expected = format!("token={TOKEN} url={}", server.url);
    assert_eq!(server.api().lines(), [expected]);
    agent.kill().await.unwrap();
}

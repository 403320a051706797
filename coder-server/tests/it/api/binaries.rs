//! What workspaces download.

use super::harness::{Answer, TestServer};
use coder_server::agent_binaries::{self, AgentBinary};
use flate2::read::GzDecoder;
use http::header;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;

const PATH: &str = "/bin/coder-linux-amd64";

async fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = http::Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await
}

fn text(answer: &Answer, name: header::HeaderName) -> String {
    let value = answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap());
    value.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_embedded_agent_is_served_compressed_once_and_by_its_hashes() {
    let Some(AgentBinary::Embedded(binary)) = agent_binaries::find("coder-linux-amd64") else {
        eprintln!("skipped: no agent is embedded (make agent)");
        return;
    };
    let server = TestServer::new().await;
    let plain = get(&server, PATH, &[]).await;
    plain.expect(200);
    assert_eq!(plain.bytes, &*binary.bytes);
    assert_eq!(
        text(&plain, header::CONTENT_LENGTH),
        binary.bytes.len().to_string()
    );
    let tag = text(&plain, header::ETAG);
    assert_eq!(tag, format!("\"{}\"", binary.sha1));

    let small = get(&server, PATH, &[("accept-encoding", "gzip")]).await;
    small.expect(200);
    assert_eq!(text(&small, header::CONTENT_ENCODING), "gzip");
    assert!(
        small.bytes.len() < plain.bytes.len() * 2 / 3,
        "{}",
        small.bytes.len()
    );
    let mut whole = Vec::new();
    GzDecoder::new(&*small.bytes)
        .read_to_end(&mut whole)
        .unwrap();
    assert_eq!(whole, plain.bytes);

    for known in [tag.clone(), text(&small, header::ETAG)] {
        let again = get(&server, PATH, &[("if-none-match", &known)]).await;
        again.expect(304);
        assert!(again.bytes.is_empty());
    }
    let hash = get(&server, &format!("{PATH}.sha256"), &[]).await;
    let hash = String::from_utf8(hash.bytes).unwrap();
    let expected: String = Sha256::digest(&plain.bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hash, format!("{expected}  coder-linux-amd64\n"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = TestServer::new().await;
    for path in [
        "/bin/coder-plan9-mips",
        "/bin/coder-plan9-mips.sha256",
        "/bin/.sha256",
        "/bin/..%2fCargo.toml",
    ] {
        get(&server, path, &[]).await.expect(404);
    }
}

//! Uploads.

use super::harness::{TestServer, tar};
use axum::body::{Body, Bytes};
use futures_util::stream;
use http::Request;
use std::{
    io::{Cursor, Write as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

#[tokio::test]
async fn the_same_bytes_are_kept_once() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let bob = server.person("bob", &[]).await;
    let bytes = tar(&[("main.tf", "# template")]);
    let send = |person| server.upload_bytes(person, "application/x-tar", bytes.clone());
    let first = send(&ann).await;
    let again = send(&ann).await;
    let other = send(&bob).await;
    assert_eq!(
        [first.status, again.status, other.status].map(|s| s.as_u16()),
        [201, 200, 201]
    );
    assert_eq!(first.json()["hash"], again.json()["hash"]);
    assert_ne!(first.json()["hash"], other.json()["hash"]);
    let path = format!("/api/v2/files/{}", first.json()["hash"].as_str().unwrap());
    let read = server.get(&path, &ann).await;
    assert_eq!((read.status.as_u16(), read.bytes), (200, bytes));
    assert_eq!(read.headers["content-type"], "application/x-tar");
    assert_eq!(read.headers["content-disposition"], "attachment");
    assert_eq!(server.get(&path, &bob).await.status, 404);
}

#[tokio::test]
async fn a_zip_becomes_a_tar() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("main.tf", zip::write::SimpleFileOptions::default())
        .unwrap();
    writer.write_all(b"# zipped").unwrap();
    let zip = writer.finish().unwrap().into_inner();
    for kind in ["application/zip", "application/x-zip-compressed"] {
        let made = server.upload_bytes(&ann, kind, zip.clone()).await;
        assert!(made.status.is_success(), "{:?}", made.json());
        let path = format!("/api/v2/files/{}", made.json()["hash"].as_str().unwrap());
        let read = server.get(&path, &ann).await;
        let mut archive = tar::Archive::new(read.bytes.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("main.tf"));
    }
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let good = tar(&[("main.tf", "#")]);
    let answer = server.upload_bytes(&ann, "text/html", good).await;
    assert_eq!(
        (answer.status.as_u16(), answer.field().as_str()),
        (400, "Content-Type")
    );
    for (kind, bytes) in [
        ("application/x-tar", b"<html>".to_vec()),
        ("application/x-tar", Vec::new()),
        ("application/zip", b"PK\x03\x04".to_vec()),
    ] {
        assert_eq!(
            server.upload_bytes(&ann, kind, bytes).await.status,
            400,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn attacks_are_refused_before_they_are_kept() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder
        .append_link(&mut header, "state", "/etc/shadow")
        .unwrap();
    let link = builder.into_inner().unwrap();
    let answer = server.upload_bytes(&ann, "application/x-tar", link).await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["message"].as_str().unwrap().contains("link"));

    let mut up = tar(&[("main.tf", "#")]);
    // "main.tf" becomes "../a.tf", and the checksum follows.
    up[..7].copy_from_slice(b"../a.tf");
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes().copy_from_slice(&up[..512]);
    header.set_cksum();
    up[..512].copy_from_slice(header.as_bytes());
    let answer = server.upload_bytes(&ann, "application/x-tar", up).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("../a.tf")
    );
}

#[tokio::test]
async fn an_endless_upload_is_cut_off() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let chunk = Bytes::from(vec![0; 1024 * 1024]);
    let endless = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(chunk.clone())
    });
    let request = Request::post("/api/v2/files")
        .header("coder-session-token", &ann.token)
        .header("content-type", "application/x-tar")
        .body(Body::from_stream(endless));
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.status, 413);
    assert!(
        sent.load(Ordering::Relaxed) <= 102,
        "{sent:?} MiB were read"
    );
}

#[tokio::test]
async fn a_declared_size_is_believed_when_it_is_too_large() {
    let server = TestServer::new().await;
    let ann = server.person("ann", &[]).await;
    let request = Request::post("/api/v2/files")
        .header("coder-session-token", &ann.token)
        .header("content-type", "application/x-tar")
        .header("content-length", "999999999999")
        .body(Body::empty());
    assert_eq!(server.send(request.unwrap()).await.status, 413);
}

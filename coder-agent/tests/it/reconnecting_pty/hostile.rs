use std::time::Duration;

use coder_agent::ErrorKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_util::sync::CancellationToken;

use super::harness::{Scene, terminal};
use crate::support::soon;

#[tokio::test]
async fn nonsense_ends_its_own_stream_only() {
    let scene = Scene::new();
    let init = terminal("stty -echo; while read line; do echo got $line; done");
    let mut viewer = scene.attach(&init).await;
    let giant = [&b"{\"data\":\""[..], &[b'x'; 2 * 1024 * 1024]].concat();
    for nonsense in [&b"\0\0\0"[..], b"]]]", b"{{{{{{{{{{{{{{{{{{{{{", &giant] {
        let mut stream = scene.stream(64 * 1024);
        stream.write_all(&init.encode().unwrap()).await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let drain = tokio::spawn(async move {
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).await
        });
        // The stream may be closed before all of it was taken.
        let _ = writer.write_all(nonsense).await;
        soon(drain).await.unwrap().unwrap();
    }
    viewer.types("x\r").await;
    viewer.until("got x").await;
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let scene = Scene::new();
    for first in [
        &b"\xff"[..],
        b"\x05\0hello",
        b"\x02\0{}",
        b"\x08\0{\"ID\":1}",
    ] {
        let (mut near, far) = duplex(1024);
        near.write_all(first).await.unwrap();
        near.shutdown().await.unwrap();
        let served = soon(scene.server.serve(far, CancellationToken::new())).await;
        match first.len() {
            // An empty object asks for a shell under the id of zeros.
            4 => assert!(served.is_ok()),
            1 => assert_eq!(served.unwrap_err().kind(), ErrorKind::Closed),
            _ => assert_eq!(served.unwrap_err().kind(), ErrorKind::Protocol),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_attach_has_to_go() {
    let scene = Scene::new();
    let (_near, far) = duplex(1024);
    let begin = tokio::time::Instant::now();
    let served = scene.server.serve(far, CancellationToken::new()).await;
    assert_eq!(served.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn odd_sizes_and_ids_do_no_harm() {
    let scene = Scene::new();
    let mut init = terminal("stty size; sleep 1000");
    (init.height, init.width) = (0, u16::MAX);
    let mut viewer = scene.attach(&init).await;
    viewer.until("80 65535").await;
    viewer.pty.resize(u16::MAX, 1).await.unwrap();
    viewer.types("\0\x1b[?1049h\r").await;
    viewer.until("^[[?1049h").await;
}

//! Streams to agents that do not go the plain way: moved ones, and many in one WebSocket.

use super::{
    agents::{ECHO, Scene, agent_of, echo_streams},
    live::script,
};
use async_trait::async_trait;
use coder_agent::{
    AgentClient, Error, ErrorKind, Result,
    tunnel::{BoxedIo, MOVE_AFTER_BYTES, StreamDialer, TunnelAcceptor},
};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use uuid::Uuid;

const OTHER_TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70003";

/// Dials as it should, after somebody else has tried to.
struct Dialer {
    own: AgentClient,
    other: AgentClient,
    seen: Mutex<Vec<(Uuid, Option<ErrorKind>)>>,
}

#[async_trait]
impl StreamDialer for Dialer {
    async fn dial_stream(&self, ticket: Uuid) -> Result<BoxedIo> {
        let kind = |tried: Result<BoxedIo>| tried.err().map(|error| error.kind());
        let stolen = kind(self.other.stream(ticket).await);
        let guessed = kind(self.own.stream(Uuid::from_u128(7)).await);
        self.seen
            .lock()
            .unwrap()
            .extend([(ticket, stolen), (ticket, guessed)]);
        self.own.stream(ticket).await
    }
}

#[tokio::test]
async fn a_stream_that_moves_much_leaves_the_tunnel_with_a_ticket_of_its_own() {
    let scene = Scene::new().await;
    let admin = scene.live.server.person("boss", &["owner"]).await;
    let template = scene
        .live
        .template(&admin, "other", &script(OTHER_TOKEN))
        .await;
    let other = scene.live.create(&scene.ann, &template, "other").await;
    let other = other["id"].as_str().unwrap();
    drop(agent_of(&scene.live.until(&scene.ann, other, "running").await).clone());
    let own = scene.token_client();
    let dialer = Arc::new(Dialer {
        own: own.clone(),
        other: scene.live.agent(OTHER_TOKEN),
        seen: Mutex::default(),
    });
    let acceptor = TunnelAcceptor::new(own.tunnel().await.unwrap());
    let _running = echo_streams(acceptor.with_dialer(Arc::clone(&dialer) as Arc<_>));
    scene.until("connected").await;

    let bytes = 4 * MOVE_AFTER_BYTES;
    assert_eq!(there_and_back(scene.dial().await, bytes).await, bytes);
    let seen = dialer.seen.lock().unwrap().clone();
    let [(ticket, stolen), (_, guessed)] = seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (stolen, guessed),
        (Some(ErrorKind::NotFound), Some(ErrorKind::NotFound))
    );
    let again: Result<BoxedIo, Error> = own.stream(ticket).await;
    assert_eq!(
        again.map(drop).unwrap_err().kind(),
        ErrorKind::NotFound,
        "good once"
    );
}

#[tokio::test]
async fn many_streams_go_through_one_websocket_while_it_is_allowed() {
    let scene = Scene::new().await;
    let (_, running) = scene.connected().await;
    let client = scene.live.client(&scene.ann);
    let tunnel = client.tunnel(scene.agent).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(tunnel.open(ECHO).await.unwrap());
    }
    for (number, stream) in streams.into_iter().enumerate() {
        assert_eq!(there_and_back(stream, number * 1_000).await, number * 1_000);
    }
    let refused = tunnel.open(8_001).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);

    let eve = scene.live.server.person("eve", &[]).await;
    let refused = scene.live.client(&eve).tunnel(scene.agent).await;
    assert_eq!(refused.map(drop).unwrap_err().kind(), ErrorKind::NotFound);

    let mut open = tunnel.open(ECHO).await.unwrap();
    scene.live.build(&scene.ann, &scene.workspace, "stop").await;
    let cut = async { (open.read_u8().await.is_err(), tunnel.closed().await) };
    let (broke, _) = tokio::time::timeout(std::time::Duration::from_secs(20), cut)
        .await
        .expect("the permission ends it");
    assert!(broke, "an end that nobody meant is an error");
    drop(running);
}

/// Sends so many bytes and an end, and counts what comes back.
async fn there_and_back(stream: impl AsyncRead + AsyncWrite + Unpin, bytes: usize) -> usize {
    let (mut reader, mut writer) = split(stream);
    let sending = async {
        for chunk in vec![5; bytes].chunks(100_000) {
            writer.write_all(chunk).await.unwrap();
        }
        writer.shutdown().await.unwrap();
    };
    let mut back = Vec::new();
    let ((), read) = tokio::join!(sending, reader.read_to_end(&mut back));
    read.unwrap();
    back.len()
}

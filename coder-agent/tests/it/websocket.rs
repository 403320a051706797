//! Bytes over WebSocket: ends, limits and silence.

use std::io::ErrorKind;
use std::time::Duration;

use coder_agent::tunnel::ws::{MAX_MESSAGE_BYTES, client_io, server_io};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

const PIPE: usize = 64 * 1024;

/// A peer that sends whatever it likes.
async fn raw(io: DuplexStream) -> WebSocketStream<DuplexStream> {
    let config = WebSocketConfig::default();
    WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await
}

#[tokio::test]
async fn directions_end_one_at_a_time() {
    let (near, far) = duplex(PIPE);
    let (mut client, mut server) = (client_io(near), server_io(far));
    let question = vec![7; 1_000_000];
    let sent = question.clone();
    let asking = tokio::spawn(async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(
            client.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        answer
    });
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, question);
    server.write_all(b"the answer").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(asking.await.unwrap(), b"the answer");
}

/// The same bytes in pieces of odd sizes, with the library's frames on the other side.
#[tokio::test]
async fn another_implementation_understands_and_is_understood() {
    let all: Vec<u8> = (0..3_000_000_u32).map(|i| (i / 7) as u8).collect();
    for client in [true, false] {
        let (near, far) = duplex(50_000);
        let (ours, role) = if client {
            (client_io(near), Role::Server)
        } else {
            (server_io(near), Role::Client)
        };
        let peer = WebSocketStream::from_raw_socket(far, role, None).await;
        let (mut sink, mut stream) = peer.split();
        let (mut reader, mut writer) = tokio::io::split(ours);
        let (sent, expected) = (all.clone(), all.clone());
        let ours = async move {
            let (mut rest, mut size) = (&sent[..], 1);
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                writer.write_all(piece).await.unwrap();
                // Some leave at once, some are collected.
                if size % 3 == 0 {
                    writer.flush().await.unwrap();
                }
                (rest, size) = (after, (size * 3) % 200_003 + 1);
            }
            writer.shutdown().await.unwrap();
        };
        let theirs = async move {
            let mut received = Vec::new();
            loop {
                match stream.next().await.unwrap().unwrap() {
                    Message::Binary(bytes) if bytes.is_empty() => return received,
                    Message::Binary(bytes) => received.extend_from_slice(&bytes),
                    other => panic!("{other:?}"),
                }
            }
        };
        let said = all.clone();
        let answering = async move {
            for (number, piece) in said.chunks(70_001).enumerate() {
                sink.send(Message::binary(piece.to_vec())).await.unwrap();
                sink.send(Message::Pong(vec![number as u8].into()))
                    .await
                    .unwrap();
            }
            sink.send(Message::binary(Vec::new())).await.unwrap();
        };
        let mut heard = Vec::new();
        let reading = reader.read_to_end(&mut heard);
        let ((), received, (), read) = tokio::join!(ours, theirs, answering, reading);
        read.unwrap();
        assert!(received == expected && heard == expected, "{client}");
    }
}

#[tokio::test]
async fn pings_are_answered_while_somebody_reads_and_a_flood_is_not_kept() {
    let (near, far) = duplex(PIPE);
    let mut server = server_io(far);
    let mut peer = raw(near).await;
    let reading = tokio::spawn(async move { server.read_u8().await });
    // Nobody takes the answers: that must not cost memory, and does not stop the reading.
    for number in 0..100_000_u32 {
        peer.feed(Message::Ping(number.to_be_bytes().to_vec().into()))
            .await
            .unwrap();
    }
    peer.send(Message::binary(vec![7])).await.unwrap();
    assert_eq!(super::support::soon(reading).await.unwrap().unwrap(), 7);

    let (near, far) = duplex(PIPE);
    let mut server = server_io(far);
    let mut peer = raw(near).await;
    tokio::spawn(async move { server.read_u8().await });
    peer.send(Message::Ping(b"there?".to_vec().into()))
        .await
        .unwrap();
    let answer = super::support::soon(peer.next()).await.unwrap().unwrap();
    assert_eq!(answer, Message::Pong(b"there?".to_vec().into()));
}

#[tokio::test]
async fn frames_without_their_mask_are_refused() {
    // A client that does not mask, and a server that does.
    for client in [true, false] {
        let (near, mut far) = duplex(PIPE);
        let mut ours = if client {
            client_io(near)
        } else {
            server_io(near)
        };
        let frame: &[u8] = if client {
            &[0x82, 0x81, 1, 2, 3, 4, 5]
        } else {
            &[0x82, 0x01, 5]
        };
        far.write_all(frame).await.unwrap();
        let error = ours.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
}

#[tokio::test]
async fn a_cut_connection_is_not_an_end() {
    let (near, far) = duplex(PIPE);
    let mut server = server_io(far);
    let mut peer = raw(near).await;
    peer.send(Message::binary(vec![1, 2])).await.unwrap();
    drop(peer);
    let mut received = Vec::new();
    assert!(server.read_to_end(&mut received).await.is_err());
    assert_eq!(received, [1, 2]);
}

#[tokio::test]
async fn close_frames_end_well_or_not() {
    for (code, good) in [(CloseCode::Normal, true), (CloseCode::Error, false)] {
        let (near, far) = duplex(PIPE);
        let mut server = server_io(far);
        let mut peer = raw(near).await;
        peer.send(Message::binary(vec![1])).await.unwrap();
        let reason = "so\u{1b}[31m".into();
        peer.send(Message::Close(Some(CloseFrame { code, reason })))
            .await
            .unwrap();
        let mut received = Vec::new();
        let ended = server.read_to_end(&mut received).await;
        assert_eq!(ended.is_ok(), good);
        if let Err(error) = ended {
            assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
            assert!(!error.to_string().contains('\u{1b}'));
        }
    }
}

#[tokio::test]
async fn text_and_giant_messages_are_refused() {
    let (near, far) = duplex(PIPE);
    let mut server = server_io(far);
    let mut peer = raw(near).await;
    peer.send(Message::text("hello")).await.unwrap();
    assert_eq!(
        server.read_u8().await.unwrap_err().kind(),
        ErrorKind::InvalidData
    );

    let (near, far) = duplex(PIPE);
    let mut server = server_io(far);
    let mut peer = raw(near).await;
    tokio::spawn(async move {
        peer.send(Message::binary(vec![0; MAX_MESSAGE_BYTES + 1]))
            .await
    });
    assert!(server.read_u8().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn keep_alive_asks_and_gives_up() {
    let interval = Duration::from_secs(15);
    let (near, far) = duplex(PIPE);
    let mut client = client_io(near).with_keep_alive(interval);
    let mut server = server_io(far);
    // A peer that reads answers, and the connection lives on in silence.
    let mut pause = std::pin::pin!(tokio::time::sleep(interval * 20));
    tokio::select! {
        read = client.read_u8() => panic!("ended: {read:?}"),
        read = server.read_u8() => panic!("ended: {read:?}"),
        () = &mut pause => {}
    }
    // A peer that does not read does not answer.
    let begin = tokio::time::Instant::now();
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() <= interval * 4, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_disturb_a_writer_that_waits() {
    let (near, far) = duplex(1_024);
    let client = client_io(near).with_keep_alive(Duration::from_secs(1));
    let (mut reader, mut writer) = tokio::io::split(client);
    let reading = tokio::spawn(async move { reader.read_u8().await.map(drop) });
    let writing = tokio::spawn(async move {
        writer.write_all(&vec![3; 300_000]).await.unwrap();
        writer.flush().await.unwrap();
        writer
    });
    // Both halves wait; then the peer begins to read.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut peer = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
    let mut received = 0;
    while received < 300_000 {
        if let Message::Binary(bytes) = peer.next().await.unwrap().unwrap() {
            received += bytes.len();
        }
    }
    writing.await.unwrap();
    reading.abort();
}

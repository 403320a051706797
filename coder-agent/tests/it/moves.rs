//! Streams that move out of the tunnel: whatever happens, bytes arrive in order or an error does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use coder_agent::tunnel::frame::{MoveRequest, OpenReply, OpenRequest, OpenStatus};
use coder_agent::tunnel::{
    AgentTunnel, BoxedIo, MOVE_AFTER_BYTES, StreamDialer, TunnelAcceptor, TunnelStream,
};
use coder_agent::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_util::compat::{FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};
use uuid::Uuid;

use super::support::soon;

const PIPE: usize = 64 * 1024;
const MUCH: usize = 5 * MOVE_AFTER_BYTES;

/// What a dial does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dial {
    Works,
    Fails,
    /// After a while, when the stream may have ended.
    WorksLate,
    FailsLate,
    /// Connects to somebody who hangs up.
    Breaks,
    /// Says that it works, and does not arrive.
    Lies,
}

struct Dialer {
    dial: Dial,
    tunnel: OnceLock<AgentTunnel>,
    dialled: AtomicUsize,
}

#[async_trait]
impl StreamDialer for Dialer {
    async fn dial_stream(&self, ticket: Uuid) -> Result<BoxedIo> {
        self.dialled.fetch_add(1, Ordering::SeqCst);
        if matches!(self.dial, Dial::WorksLate | Dial::FailsLate) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (near, far) = duplex(PIPE);
        let tunnel = self.tunnel.get().unwrap();
        assert!(tunnel.expects(Uuid::nil()).is_none());
        match self.dial {
            Dial::Fails | Dial::FailsLate => {
                return Err(Error::new(ErrorKind::Unavailable, "no way"));
            }
            Dial::Lies => {}
            Dial::Breaks => {
                let (cut, _) = duplex(PIPE);
                tunnel.expects(ticket).expect("asked for").arrived(cut);
            }
            Dial::Works | Dial::WorksLate => {
                tunnel.expects(ticket).expect("asked for").arrived(far);
            }
        }
        assert!(
            tunnel.expects(ticket).is_none() || self.dial == Dial::Lies,
            "good once"
        );
        Ok(Box::new(near))
    }
}

/// A server and an agent whose port 7777 echoes.
fn pair(dial: Dial) -> (AgentTunnel, Arc<Dialer>) {
    let (server, agent) = duplex(PIPE);
    let dialer = Arc::new(Dialer {
        dial,
        tunnel: OnceLock::new(),
        dialled: AtomicUsize::new(0),
    });
    let acceptor = TunnelAcceptor::new(agent).with_dialer(Arc::clone(&dialer) as Arc<_>);
    tokio::spawn(serve(acceptor));
    let tunnel = AgentTunnel::new(server);
    tunnel.move_streams();
    dialer.tunnel.set(tunnel.clone()).unwrap();
    (tunnel, dialer)
}

async fn serve(mut acceptor: TunnelAcceptor) {
    while let Ok(incoming) = acceptor.accept().await {
        tokio::spawn(async move {
            if let Some((_, stream)) = incoming.request().await? {
                echo(stream.accept().await?).await;
            }
            Ok::<_, Error>(())
        });
    }
}

async fn echo(mut stream: TunnelStream) {
    let mut buffer = vec![0; 50_000];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 251) as u8).collect()
}

/// Sends so many bytes in odd pieces, ends, and answers what came back.
async fn there_and_back(stream: TunnelStream, length: usize) -> std::io::Result<Vec<u8>> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        let all = bytes(length);
        let (mut rest, mut size) = (&all[..], 1);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            writer.write_all(piece).await?;
            writer.flush().await?;
            (rest, size) = (after, (size * 7) % 300_007 + 1);
        }
        writer.shutdown().await
    };
    let mut back = Vec::new();
    let (written, read) = tokio::join!(write, reader.read_to_end(&mut back));
    written?;
    read?;
    Ok(back)
}

#[tokio::test]
async fn no_byte_is_lost_however_a_dial_ends() {
    for dial in [Dial::Works, Dial::Fails, Dial::WorksLate, Dial::FailsLate] {
        let (tunnel, dialer) = pair(dial);
        let mut streams = Vec::new();
        // Around the moment of the question too: the stream ends while it is out.
        for length in [
            MUCH,
            MOVE_AFTER_BYTES / 2,
            MOVE_AFTER_BYTES / 2 + 1,
            MOVE_AFTER_BYTES,
        ] {
            let stream = tunnel.open(7777).await.unwrap();
            streams.push((length, tokio::spawn(there_and_back(stream, length))));
        }
        for (length, stream) in streams {
            let back = soon(stream).await.unwrap();
            let back = back.unwrap_or_else(|error| panic!("{dial:?} {length}: {error}"));
            assert!(back == bytes(length), "{dial:?} {length} {}", back.len());
        }
        assert!(dialer.dialled.load(Ordering::SeqCst) > 0, "{dial:?}");
    }
}

#[tokio::test]
async fn little_stays_in_the_tunnel() {
    let (tunnel, dialer) = pair(Dial::Works);
    let stream = tunnel.open(7777).await.unwrap();
    let length = MOVE_AFTER_BYTES / 2 - 1;
    let back = soon(there_and_back(stream, length)).await.unwrap();
    assert_eq!(back.len(), length);
    assert_eq!(dialer.dialled.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_an_error_and_not_an_end() {
    for dial in [Dial::Breaks, Dial::Lies] {
        let (tunnel, _dialer) = pair(dial);
        let stream = tunnel.open(7777).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(120), there_and_back(stream, MUCH));
        let ended = ended.await;
        assert!(matches!(ended, Ok(Err(_))), "{dial:?}");
        tunnel.ping().await.expect("the tunnel does not suffer");
    }
}

#[tokio::test]
async fn a_tunnel_that_breaks_is_an_error_and_not_an_end() {
    let (server, agent) = duplex(PIPE);
    let tunnel = AgentTunnel::new(server);
    let agent = tokio::spawn(serve(TunnelAcceptor::new(agent)));
    let mut stream = tunnel.open(7777).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    agent.abort();
    let error = soon(stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn agents_that_cannot_dial_keep_their_streams() {
    let (server, agent) = duplex(PIPE);
    let tunnel = AgentTunnel::new(server);
    tunnel.move_streams();
    tokio::spawn(serve(TunnelAcceptor::new(agent)));
    let stream = tunnel.open(7777).await.unwrap();
    let back = soon(there_and_back(stream, MUCH)).await.unwrap();
    assert!(back == bytes(MUCH));
}

/// A server that asks for what does not exist, with real yamux.
async fn ask(server: DuplexStream, question: &[u8]) -> OpenStatus {
    let config = yamux::Config::default();
    let mut connection = yamux::Connection::new(server.compat(), config, yamux::Mode::Server);
    let stream = std::future::poll_fn(|cx| connection.poll_new_outbound(cx));
    let mut stream = stream.await.unwrap().compat();
    tokio::spawn(async move {
        while let Some(Ok(_)) = std::future::poll_fn(|cx| connection.poll_next_inbound(cx)).await {}
    });
    stream.write_all(question).await.unwrap();
    let mut header = [0; OpenReply::HEADER_LEN];
    soon(stream.read_exact(&mut header)).await.unwrap();
    OpenReply::decode_header(header).unwrap().0
}

#[tokio::test]
async fn questions_about_no_stream_are_refused() {
    let request = MoveRequest {
        stream: 99,
        ticket: Uuid::from_u128(1),
    };
    let question = [&OpenRequest::Move.encode()[..], &request.encode()].concat();
    let (server, agent) = duplex(PIPE);
    let dialer = Dialer {
        dial: Dial::Works,
        tunnel: OnceLock::new(),
        dialled: AtomicUsize::new(0),
    };
    tokio::spawn(serve(
        TunnelAcceptor::new(agent).with_dialer(Arc::new(dialer)),
    ));
    assert_eq!(ask(server, &question).await, OpenStatus::Refused);

    let (server, agent) = duplex(PIPE);
    tokio::spawn(serve(TunnelAcceptor::new(agent)));
    assert_eq!(ask(server, &question).await, OpenStatus::Unsupported);
}

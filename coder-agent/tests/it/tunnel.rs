//! The tunnel over an in-memory connection, with real yamux.

use std::time::Duration;

use coder_agent::ErrorKind;
use coder_agent::tunnel::frame::{OpenReply, OpenRequest, OpenStatus};
use coder_agent::tunnel::{
    AgentTunnel, INACTIVE_AFTER, MAX_STREAMS, OPEN_TIMEOUT, PING_INTERVAL, SERVER_SILENT_AFTER,
    TunnelAcceptor, TunnelStream,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep};
use tokio_util::compat::{FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};

const PIPE: usize = 64 * 1024;

/// An agent whose port 7777 echoes, and which refuses every other one as not listened on.
async fn echo_agent(mut acceptor: TunnelAcceptor) -> coder_agent::Error {
    loop {
        match acceptor.accept().await {
            Ok(incoming) => tokio::spawn(async move {
                match incoming.request().await? {
                    Some((7777, stream)) => echo(stream.accept().await?).await,
                    Some((port, stream)) => {
                        stream
                            .refuse(OpenStatus::Refused, &format!("port {port}"))
                            .await?;
                    }
                    None => {}
                }
                Ok::<_, coder_agent::Error>(())
            }),
            Err(error) => return error,
        };
    }
}

async fn echo(mut stream: TunnelStream) {
    let mut buffer = vec![0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..length]).await.unwrap();
    }
    let _ = stream.shutdown().await;
}

fn pair() -> (AgentTunnel, tokio::task::JoinHandle<coder_agent::Error>) {
    let (server, agent) = duplex(PIPE);
    let agent = tokio::spawn(echo_agent(TunnelAcceptor::new(agent)));
    (AgentTunnel::new(server), agent)
}

#[tokio::test]
async fn streams_carry_bytes_and_end_one_direction_at_a_time() {
    let (tunnel, _agent) = pair();
    let mut streams = Vec::new();
    for number in 0..20_u8 {
        let stream = tunnel.open(7777).await.unwrap();
        streams.push(tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let sent: Vec<u8> = (0..3_000_000_u32)
                .map(|i| (i as u8).wrapping_mul(number))
                .collect();
            let expected = sent.clone();
            let write = async move {
                writer.write_all(&sent).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let mut received = Vec::new();
            let (_, read) = tokio::join!(write, reader.read_to_end(&mut received));
            read.unwrap();
            assert_eq!(received, expected);
        }));
    }
    for stream in streams {
        stream.await.unwrap();
    }
}

#[tokio::test]
async fn refusals_reach_who_asked() {
    let (tunnel, _agent) = pair();
    let error = tunnel.open(8080).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Refused, "port 8080")
    );
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_and_seen() {
    let (tunnel, _agent) = pair();
    let mut beats = tunnel.heartbeat();
    beats.wait_for(|beat| beat.count == 1).await.unwrap();
    let begin = Instant::now();
    beats.wait_for(|beat| beat.count == 4).await.unwrap();
    let waited = begin.elapsed();
    assert!(
        waited >= PING_INTERVAL * 3 - Duration::from_secs(1),
        "{waited:?}"
    );
    assert!(
        waited <= PING_INTERVAL * 3 + Duration::from_secs(1),
        "{waited:?}"
    );
    tunnel.ping().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_given_up() {
    let (server, _agent_never_reads) = duplex(PIPE);
    let tunnel = AgentTunnel::new(server);
    let begin = Instant::now();
    let error = tunnel.closed().await;
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() >= INACTIVE_AFTER && begin.elapsed() < INACTIVE_AFTER * 2);
    assert!(tunnel.is_closed());
    assert_eq!(
        tunnel.open(7777).await.unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let (_server_never_pings, agent) = duplex(PIPE);
    let begin = Instant::now();
    let error = TunnelAcceptor::new(agent).accept().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed(), SERVER_SILENT_AFTER);
}

#[tokio::test]
async fn both_sides_notice_the_end() {
    let (tunnel, agent) = pair();
    let mut stream = tunnel.open(7777).await.unwrap();
    tunnel.close();
    assert_eq!(tunnel.closed().await.kind(), ErrorKind::Closed);
    assert_eq!(agent.await.unwrap().kind(), ErrorKind::Closed);
    let mut rest = Vec::new();
    // The stream ends, in whatever way.
    let _ = stream.read_to_end(&mut rest).await;

    let (tunnel, agent) = pair();
    let beats = tunnel.heartbeat();
    drop(tunnel);
    assert_eq!(
        agent.await.unwrap().kind(),
        ErrorKind::Closed,
        "the last handle ends the tunnel"
    );
    drop(beats);

    let (tunnel, agent) = pair();
    agent.abort();
    tunnel.closed().await;
}

#[tokio::test]
async fn streams_have_a_bound_and_give_their_place_back() {
    let (tunnel, _agent) = pair();
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        streams.push(tunnel.open(7777).await.unwrap());
    }
    assert_eq!(tunnel.open(7777).await.unwrap_err().kind(), ErrorKind::Busy);
    tunnel.ping().await.expect("pings pass even then");
    streams.pop();
    let mut stream = tunnel.open(7777).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    // Many more than the bound, one after the other.
    drop(streams);
    for _ in 0..3 * MAX_STREAMS {
        tunnel.open(7777).await.unwrap();
    }
}

/// A peer that speaks yamux and nothing else of ours.
fn raw_agent(io: DuplexStream) -> yamux::Connection<tokio_util::compat::Compat<DuplexStream>> {
    yamux::Connection::new(io.compat(), yamux::Config::default(), yamux::Mode::Client)
}

#[tokio::test]
async fn an_agent_may_not_open_streams() {
    let (server, agent) = duplex(PIPE);
    let tunnel = AgentTunnel::new(server);
    let mut connection = raw_agent(agent);
    let stream = std::future::poll_fn(|cx| connection.poll_new_outbound(cx))
        .await
        .unwrap();
    let mut stream = stream.compat();
    let drive = tokio::spawn(async move {
        while let Some(Ok(_)) = std::future::poll_fn(|cx| connection.poll_next_inbound(cx)).await {}
    });
    stream
        .write_all(&OpenRequest::Tcp(22).encode())
        .await
        .unwrap();
    assert_eq!(tunnel.closed().await.kind(), ErrorKind::Protocol);
    drive.await.unwrap();
}

#[tokio::test]
async fn garbage_ends_the_tunnel() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..200 {
        let (server, mut agent) = duplex(PIPE);
        let tunnel = AgentTunnel::new(server);
        let mut bytes = Vec::new();
        for _ in 0..512 {
            // xorshift: the same bytes in each run.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            // Version zero most of the time, so that more than the first check is reached.
            bytes.extend_from_slice(&[
                0,
                (seed % 5) as u8,
                (seed >> 8) as u8 & 0x0f,
                (seed >> 16) as u8,
            ]);
            bytes.extend_from_slice(&seed.to_be_bytes());
        }
        let _ = agent.write_all(&bytes).await;
        drop(agent);
        let error = super::support::soon(tunnel.closed()).await;
        assert!(
            matches!(error.kind(), ErrorKind::Closed | ErrorKind::Protocol),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn hostile_answers_are_errors() {
    for (answer, expected) in [
        (vec![9, 0, 0], ErrorKind::Protocol),
        (vec![5, 0xff, 0xff], ErrorKind::Protocol),
        (vec![5, 0, 9, b'x'], ErrorKind::Closed),
        (vec![], ErrorKind::Closed),
        (
            OpenReply::refuse(OpenStatus::Busy, "").encode(),
            ErrorKind::Busy,
        ),
    ] {
        let (server, agent) = duplex(PIPE);
        let tunnel = AgentTunnel::new(server);
        let mut connection = raw_agent(agent);
        tokio::spawn(async move {
            while let Some(Ok(stream)) =
                std::future::poll_fn(|cx| connection.poll_next_inbound(cx)).await
            {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut stream = stream.compat();
                    let mut header = [0; OpenRequest::LEN];
                    stream.read_exact(&mut header).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                    stream.shutdown().await.unwrap();
                });
            }
        });
        let error = super::support::soon(tunnel.open(7777)).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_answers_is_not_waited_for() {
    let (server, agent) = duplex(PIPE);
    let tunnel = AgentTunnel::new(server);
    let mut acceptor = TunnelAcceptor::new(agent);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(incoming) = acceptor.accept().await {
            held.push(incoming);
        }
    });
    let begin = Instant::now();
    let error = tunnel.open(7777).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() <= OPEN_TIMEOUT);
    sleep(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn headers_of_another_version_are_refused_by_the_agent() {
    let (server, agent) = duplex(PIPE);
    let _agent = tokio::spawn(echo_agent(TunnelAcceptor::new(agent)));
    let config = yamux::Config::default();
    let mut connection = yamux::Connection::new(server.compat(), config, yamux::Mode::Server);
    let stream = std::future::poll_fn(|cx| connection.poll_new_outbound(cx))
        .await
        .unwrap();
    tokio::spawn(async move {
        while let Some(Ok(_)) = std::future::poll_fn(|cx| connection.poll_next_inbound(cx)).await {}
    });
    let mut stream = stream.compat();
    stream.write_all(&[2, 1, 0x1e, 0x61]).await.unwrap();
    let mut answer = Vec::new();
    super::support::soon(stream.read_to_end(&mut answer))
        .await
        .unwrap();
    let (status, _) = OpenReply::decode_header([answer[0], answer[1], answer[2]]).unwrap();
    assert_eq!(status, OpenStatus::Unsupported);
    assert_eq!(
        &answer[3..],
        b"stream header of version 2 is not understood"
    );
}

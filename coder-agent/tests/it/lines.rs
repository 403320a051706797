//! Bad lines: slow, lossy, dark for seconds, and forgotten by boxes on the way.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use coder_agent::Result;
use coder_agent::tunnel::ws::{KEEP_ALIVE_INTERVAL, client_io, server_io};
use coder_agent::tunnel::{
    AgentTunnel, BoxedIo, MOVE_AFTER_BYTES, StreamDialer, TunnelAcceptor, TunnelStream,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use uuid::Uuid;

use super::support::Line;

struct Dialer {
    line: Line,
    tunnel: OnceLock<AgentTunnel>,
}

#[async_trait]
impl StreamDialer for Dialer {
    async fn dial_stream(&self, ticket: Uuid) -> Result<BoxedIo> {
        let (near, far) = self.line.connect();
        let tunnel = self.tunnel.get().unwrap();
        tunnel.expects(ticket).expect("asked for").arrived(far);
        Ok(Box::new(near))
    }
}

/// A server and an agent with this line between them, for every connection; port 9 sends what is asked for.
fn over(line: Line) -> AgentTunnel {
    let (near, far) = line.connect();
    let dialer = Arc::new(Dialer {
        line,
        tunnel: OnceLock::new(),
    });
    let acceptor = TunnelAcceptor::new(client_io(near)).with_dialer(Arc::clone(&dialer) as Arc<_>);
    tokio::spawn(serve(acceptor));
    let tunnel = AgentTunnel::new(server_io(far));
    tunnel.move_streams();
    dialer.tunnel.set(tunnel.clone()).unwrap();
    tunnel
}

async fn serve(mut acceptor: TunnelAcceptor) {
    while let Ok(incoming) = acceptor.accept().await {
        tokio::spawn(async move {
            if let Some((_, stream)) = incoming.request().await? {
                drop(send(stream.accept().await?).await);
            }
            Ok::<_, coder_agent::Error>(())
        });
    }
}

/// Answers each number with so many bytes.
async fn send(mut stream: TunnelStream) -> std::io::Result<()> {
    loop {
        let mut left = stream.read_u64().await?;
        let chunk = vec![7; 32 * 1024];
        while left > 0 {
            let length = left.min(chunk.len() as u64);
            stream.write_all(&chunk[..length as usize]).await?;
            left -= length;
        }
        stream.flush().await?;
    }
}

/// How long it takes to fetch so many bytes.
async fn fetch(stream: &mut TunnelStream, bytes: u64) -> Duration {
    let begin = Instant::now();
    stream.write_u64(bytes).await.unwrap();
    stream.flush().await.unwrap();
    let mut left = bytes as usize;
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "{left} bytes are missing");
        left -= length;
    }
    begin.elapsed()
}

/// The same bytes over the bare line.
async fn bare(line: Line, bytes: usize) -> Duration {
    let (mut near, mut far) = line.connect();
    let begin = Instant::now();
    tokio::spawn(async move { far.write_all(&vec![7; bytes]).await });
    let mut all = vec![0; bytes];
    near.read_exact(&mut all).await.unwrap();
    begin.elapsed()
}

#[tokio::test(start_paused = true)]
async fn slow_lossy_and_dark_lines_are_used_well() {
    let line = Line {
        round_trip: Duration::from_millis(300),
        rate: 4_000_000,
        packet: 1_240,
        lost: 0,
        blackout: None,
        forgets_after: None,
    };
    let second = Duration::from_secs(1);
    for (what, line) in [
        ("300 ms", line),
        ("10 % lost", Line { lost: 100, ..line }),
        (
            "10 % lost, 5 s dark in every 20 s",
            Line {
                lost: 100,
                blackout: Some((5 * second, 20 * second)),
                ..line
            },
        ),
    ] {
        let bytes = 16 * MOVE_AFTER_BYTES;
        let bare = bare(line, bytes).await;
        let tunnel = over(line);
        let mut stream = tunnel.open(9).await.unwrap();
        let took = fetch(&mut stream, bytes as u64).await;
        let share = bare.as_secs_f64() / took.as_secs_f64();
        println!("{what}: {share:.2} of the bare line ({took:.1?}, {bare:.1?})");
        assert!(share >= 0.7, "{what}: {share:.2} ({took:?}, {bare:?})");
        assert!(!tunnel.is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn boxes_that_forget_idle_connections_are_kept_awake() {
    for seconds in [30, 55, 60] {
        let line = Line {
            forgets_after: Some(Duration::from_secs(seconds)),
            ..Line::default()
        };
        let tunnel = over(line);
        let mut still = tunnel.open(9).await.unwrap();
        let mut moved = tunnel.open(9).await.unwrap();
        fetch(&mut moved, 3 * MOVE_AFTER_BYTES as u64).await;
        // A client's own connection, read as a splice does.
        let (near, far) = line.connect();
        let mut client = client_io(near).with_keep_alive(KEEP_ALIVE_INTERVAL);
        let mut server = server_io(far);
        let mut idle = std::pin::pin!(tokio::time::sleep(Duration::from_secs(24 * 3600)));
        tokio::select! {
            read = client.read_u8() => panic!("{seconds}: {read:?}"),
            read = server.read_u8() => panic!("{seconds}: {read:?}"),
            read = moved.read_u8() => panic!("{seconds}: {read:?}"),
            read = still.read_u8() => panic!("{seconds}: {read:?}"),
            ended = tunnel.closed() => panic!("{seconds}: {ended}"),
            () = &mut idle => {}
        }
        fetch(&mut still, 1).await;
        fetch(&mut moved, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_goes_dead_is_noticed_in_half_a_minute_by_both() {
    let line = Line::default();
    let (near, far) = line.connect();
    let mut acceptor = TunnelAcceptor::new(client_io(near));
    let agent = tokio::spawn(async move {
        loop {
            match acceptor.accept().await {
                Ok(incoming) => drop(tokio::spawn(incoming.request())),
                Err(error) => return (Instant::now(), error),
            }
        }
    });
    // From some moment on nothing passes, and nobody is told.
    let (middle, server) = tokio::io::duplex(64 * 1024);
    let (mut far, mut middle) = (far, middle);
    let carry = tokio::spawn(async move {
        let carry = tokio::io::copy_bidirectional(&mut far, &mut middle);
        let _ = tokio::time::timeout(Duration::from_secs(100), carry).await;
        let dead = Instant::now();
        tokio::time::sleep(Duration::from_secs(300)).await;
        dead
    });
    let tunnel = AgentTunnel::new(server_io(server));
    tunnel.closed().await;
    let server_knew = Instant::now();
    let (agent_knew, _) = agent.await.unwrap();
    let dead = carry.await.unwrap();
    for knew in [server_knew, agent_knew] {
        assert!(knew - dead <= Duration::from_secs(30), "{:?}", knew - dead);
        assert!(
            knew - dead >= Duration::from_secs(10),
            "not by a single late ping"
        );
    }
}

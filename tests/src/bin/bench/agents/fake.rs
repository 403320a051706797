//! Agents that hold a tunnel and answer pings.

use coder_agent::tunnel::{TunnelAcceptor, ws::client_io};
use coder_tests::Deployment;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::{Instant, sleep, timeout},
};

/// As real agents wait: doubling, each between half and whole.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// A connection that lasted so long begins the waits anew.
const GOOD: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 16 * 1024;

/// Many agents. Dropping it ends them.
pub(crate) struct Crowd(Runtime);

impl Crowd {
    pub(crate) fn start(deployment: &Deployment, count: usize) -> Self {
        let address = deployment.url().replace("http://", "");
        let address: SocketAddr = address.parse().expect("an address");
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        for number in 1..=count {
            runtime.spawn(live(address, number));
        }
        Self(runtime)
    }
}

impl std::fmt::Debug for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Crowd")
            .field(&self.0.metrics().num_alive_tasks())
            .finish()
    }
}

/// The token of an agent, as the rows have it.
pub(crate) fn token(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

async fn live(address: SocketAddr, number: usize) {
    let mut wait = WAITS.0;
    let mut random = number as u64 | 1;
    loop {
        let begin = Instant::now();
        if let Ok(Ok(stream)) = timeout(HANDSHAKE, connect(address, &token(number))).await {
            let mut tunnel = TunnelAcceptor::new(client_io(stream));
            while let Ok(incoming) = tunnel.accept().await {
                let _ = incoming.request().await;
            }
            if begin.elapsed() > GOOD {
                wait = WAITS.0;
            }
        }
        // Xorshift: different for each agent.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let spread = 0.5 + 0.5 * (random >> 11) as f64 / (1_u64 << 53) as f64;
        sleep(wait.mul_f64(spread)).await;
        wait = (wait * 2).min(WAITS.1);
    }
}

/// Opens a tunnel by hand: a client of the library for each would need more than the tunnel.
async fn connect(address: SocketAddr, token: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /api/v2/workspaceagents/me/tunnel?version=1.0 HTTP/1.1\r\nHost: {address}\r\n\
         Coder-Session-Token: {token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_ANSWER {
        answer.push(stream.read_u8().await?);
    }
    if answer.starts_with(b"HTTP/1.1 101") {
        Ok(stream)
    } else {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

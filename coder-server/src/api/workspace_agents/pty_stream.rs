//! A terminal's bytes between a WebSocket and the agent.

use super::access::Access;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use coder_agent::{reconnecting_pty::ReconnectingPtyRequest, tunnel::TunnelStream};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;

/// Bytes of output in one message at most: what waits here for a client that does not read.
const OUTPUT_BYTES: usize = 16 * 1024;
/// Bytes of raw input in one message to the agent.
const INPUT_BYTES: usize = 32 * 1024;
/// How often the client is pinged, so that proxies between keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Pings without any answer after which the client has gone.
const MAX_UNANSWERED: u32 = 2;
/// The longest a client may take to read one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to find out whether the agent is still there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A client at a terminal.
pub(super) struct PtyStream {
    pub(super) socket: WebSocket,
    pub(super) agent: TunnelStream,
    /// Binary messages are input as it is.
    pub(super) raw: bool,
}

/// Why it ends.
enum End {
    /// The client has gone, or sends nonsense.
    Client,
    /// The agent has closed its direction, or the way to it has broken.
    Agent,
    Permission,
    Shutdown,
}

impl PtyStream {
    pub(super) async fn run(self, access: &Access, shutdown: &CancellationToken) {
        let (mut sink, mut source) = self.socket.split();
        let (mut output, mut input) = split(self.agent);
        // Pings since anything was heard of the client.
        let unanswered = AtomicU32::new(0);
        let end = tokio::select! {
            end = show(&mut output, &mut sink, &unanswered) => end,
            end = type_in(&mut source, &mut input, self.raw, &unanswered) => end,
            () = access.lost() => End::Permission,
            () = shutdown.cancelled() => End::Shutdown,
        };
        let (code, reason) = match end {
            End::Client => (close_code::NORMAL, ""),
            End::Agent if is_there(&mut input).await => (close_code::NORMAL, "the terminal ended"),
            End::Agent => (close_code::AGAIN, "the agent was lost"),
            End::Permission => (close_code::POLICY, "the session ended"),
            End::Shutdown => (close_code::AWAY, "the server stops"),
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let close = sink.send(Message::Close(Some(frame)));
        // The client may be gone already.
        let _ = timeout(SEND_TIMEOUT, close).await;
    }
}

/// Sends what the terminal says, as fast as the client takes it, and pings.
async fn show(
    output: &mut (impl AsyncRead + Unpin),
    sink: &mut (impl Sink<Message> + Unpin),
    unanswered: &AtomicU32,
) -> End {
    let mut ticks = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buffer = vec![0; OUTPUT_BYTES];
    loop {
        let message = tokio::select! {
            read = output.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return End::Agent,
                Ok(length) => {
                    Message::Binary(Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()))
                }
            },
            _ = ticks.tick() => {
                if unanswered.fetch_add(1, Ordering::Relaxed) >= MAX_UNANSWERED {
                    return End::Client;
                }
                Message::Ping(Bytes::new())
            }
        };
        match timeout(SEND_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) => {}
            _ => return End::Client,
        }
    }
}

/// Passes on what the client types. The agent reads JSON, cut anywhere, and checks it.
async fn type_in(
    source: &mut (impl Stream<Item = Result<Message, axum::Error>> + Unpin),
    input: &mut (impl AsyncWrite + Unpin),
    raw: bool,
    unanswered: &AtomicU32,
) -> End {
    loop {
        let sent = match source.next().await {
            Some(Ok(Message::Text(text))) => write(input, text.as_bytes()).await,
            Some(Ok(Message::Binary(bytes))) if raw => write_raw(input, &bytes).await,
            Some(Ok(Message::Binary(bytes))) => write(input, &bytes).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Client,
        };
        unanswered.store(0, Ordering::Relaxed);
        if sent.is_err() {
            return End::Agent;
        }
    }
}

async fn write_raw(input: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    for chunk in bytes.chunks(INPUT_BYTES) {
        let request = ReconnectingPtyRequest::input(chunk).encode()?;
        write(input, &request).await?;
    }
    Ok(())
}

async fn write(input: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    input.write_all(bytes).await?;
    input.flush().await
}

/// Whether the agent still takes input, so that the end of its output is that of the terminal: when the way
/// to the agent breaks both directions end.
async fn is_there(input: &mut (impl AsyncWrite + Unpin)) -> bool {
    matches!(timeout(PROBE_TIMEOUT, input.write(&[])).await, Ok(Ok(_)))
}

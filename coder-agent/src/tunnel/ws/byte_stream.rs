use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::SEND_MESSAGE_BYTES;

/// A WebSocket message, whatever library it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsFrame {
    /// A binary message.
    Binary(Bytes),
    /// A text message, which nobody may send here.
    Text,
    /// A ping; the library below answers it.
    Ping(Bytes),
    /// The answer to a ping.
    Pong(Bytes),
    /// The end, with its code and reason where there are any.
    Close(Option<(u16, String)>),
}

/// Makes bytes of WebSocket messages.
///
/// Written bytes leave when flushed, or when [`SEND_MESSAGE_BYTES`] have come together. Shutting
/// down ends the written direction only. An end of the connection that no message announced is an
/// error to the reader, so that cut-off data is not taken for complete.
pub struct WsByteStream<S> {
    frames: S,
    received: Bytes,
    to_send: BytesMut,
    read_ended: bool,
    write_ended: bool,
    close_sent: bool,
    writer_waits: bool,
    ping_due: bool,
    keep_alive: Option<KeepAlive>,
}

struct KeepAlive {
    ticks: Interval,
    unanswered: u32,
}

/// Pings without any sign of life after which a connection counts as lost.
const MAX_UNANSWERED_PINGS: u32 = 2;

const CLOSE_NORMAL: u16 = 1000;
const CLOSE_NO_STATUS: u16 = 1005;

impl<S, E> WsByteStream<S>
where
    S: Stream<Item = Result<WsFrame, E>> + Sink<WsFrame, Error = E> + Unpin,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Wraps `frames`.
    pub fn new(frames: S) -> Self {
        Self {
            frames,
            received: Bytes::new(),
            to_send: BytesMut::new(),
            read_ended: false,
            write_ended: false,
            close_sent: false,
            writer_waits: false,
            ping_due: false,
            keep_alive: None,
        }
    }

    /// Pings every `interval` while somebody reads, and fails reads with
    /// [`TimedOut`](io::ErrorKind::TimedOut) when two pings in a row brought nothing back.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, and for an interval of zero.
    #[must_use]
    pub fn with_keep_alive(mut self, interval: Duration) -> Self {
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.keep_alive = Some(KeepAlive {
            ticks,
            unanswered: 0,
        });
        self
    }

    /// Takes messages until there are bytes or the end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.received.is_empty() && !self.read_ended {
            let Poll::Ready(frame) = self.frames.poll_next_unpin(cx) else {
                return self.poll_keep_alive(cx);
            };
            if let Some(keep_alive) = &mut self.keep_alive {
                keep_alive.unanswered = 0;
            }
            match frame {
                Some(Ok(WsFrame::Binary(bytes))) if bytes.is_empty() => self.read_ended = true,
                Some(Ok(WsFrame::Binary(bytes))) => self.received = bytes,
                Some(Ok(WsFrame::Ping(_) | WsFrame::Pong(_))) => {}
                Some(Ok(WsFrame::Text)) => {
                    let message = "text message where only binary ones belong";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
                }
                Some(Ok(WsFrame::Close(reason))) => {
                    self.close_sent = true;
                    self.read_ended = true;
                    self.write_ended = true;
                    if let Some(error) = abnormal(reason) {
                        return Poll::Ready(Err(error));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(lost(error))),
                None => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
        if self.read_ended && self.write_ended && !self.close_sent {
            // Best effort: nobody waits for it, and the connection ends with it or without.
            let _ = self.poll_send_close(cx);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_keep_alive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(keep_alive) = &mut self.keep_alive
            && keep_alive.ticks.poll_tick(cx).is_ready()
        {
            if keep_alive.unanswered >= MAX_UNANSWERED_PINGS {
                let message = "peer does not answer pings";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)));
            }
            self.ping_due = true;
            // A writer that waits has the only place for a waker of the sending side, which must
            // not be taken. It sends the ping itself as soon as it can.
            if self.writer_waits || self.close_sent {
                continue;
            }
            if let Poll::Ready(ready) = self.poll_ready_to_send(cx) {
                ready?;
                if let Poll::Ready(flushed) = self.frames.poll_flush_unpin(cx) {
                    flushed.map_err(lost)?;
                }
            }
            self.writer_waits = false;
        }
        Poll::Pending
    }

    /// Waits for room for a frame, and sends a ping first when it is time for one.
    fn poll_ready_to_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer_waits = true;
        ready!(self.frames.poll_ready_unpin(cx)).map_err(lost)?;
        if std::mem::take(&mut self.ping_due) {
            self.frames
                .start_send_unpin(WsFrame::Ping(Bytes::new()))
                .map_err(lost)?;
            if let Some(keep_alive) = &mut self.keep_alive {
                keep_alive.unanswered += 1;
            }
            ready!(self.frames.poll_ready_unpin(cx)).map_err(lost)?;
        }
        self.writer_waits = false;
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: WsFrame) -> Poll<io::Result<()>> {
        ready!(self.poll_ready_to_send(cx))?;
        Poll::Ready(self.frames.start_send_unpin(frame).map_err(lost))
    }

    fn poll_send_buffered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.to_send.is_empty() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_ready_to_send(cx))?;
        let bytes = self.to_send.split().freeze();
        Poll::Ready(
            self.frames
                .start_send_unpin(WsFrame::Binary(bytes))
                .map_err(lost),
        )
    }

    fn poll_send_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.close_sent {
            ready!(self.poll_send(cx, WsFrame::Close(Some((CLOSE_NORMAL, String::new())))))?;
            self.close_sent = true;
        }
        self.poll_flush_frames(cx)
    }

    fn poll_flush_frames(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer_waits = true;
        let flushed = ready!(self.frames.poll_flush_unpin(cx));
        self.writer_waits = false;
        Poll::Ready(flushed.map_err(lost))
    }
}

impl<S, E> AsyncRead for WsByteStream<S>
where
    S: Stream<Item = Result<WsFrame, E>> + Sink<WsFrame, Error = E> + Unpin,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_receive(cx))?;
        let length = self.received.len().min(buffer.remaining());
        buffer.put_slice(self.received.get(..length).unwrap_or_default());
        self.received.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S, E> AsyncWrite for WsByteStream<S>
where
    S: Stream<Item = Result<WsFrame, E>> + Sink<WsFrame, Error = E> + Unpin,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.to_send.len() >= SEND_MESSAGE_BYTES {
            ready!(self.poll_send_buffered(cx))?;
        }
        let length = bytes.len().min(SEND_MESSAGE_BYTES - self.to_send.len());
        self.to_send
            .extend_from_slice(bytes.get(..length).unwrap_or_default());
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.close_sent {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send_buffered(cx))?;
        self.poll_flush_frames(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.close_sent {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send_buffered(cx))?;
        if !self.write_ended {
            ready!(self.poll_send(cx, WsFrame::Binary(Bytes::new())))?;
            self.write_ended = true;
        }
        if self.read_ended {
            self.poll_send_close(cx)
        } else {
            self.poll_flush_frames(cx)
        }
    }
}

impl<S> fmt::Debug for WsByteStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WsByteStream")
            .field("read_ended", &self.read_ended)
            .field("write_ended", &self.write_ended)
            .finish_non_exhaustive()
    }
}

/// The error in a close frame, when it is one.
fn abnormal(reason: Option<(u16, String)>) -> Option<io::Error> {
    let (code, text) = reason?;
    if matches!(code, CLOSE_NORMAL | CLOSE_NO_STATUS) {
        return None;
    }
    let text: String = text
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    let message = format!("peer closed the connection with code {code}: {text}");
    Some(io::Error::new(io::ErrorKind::ConnectionAborted, message))
}

fn lost(error: impl Into<Box<dyn StdError + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

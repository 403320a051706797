use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::output::Output;
use super::wire::{Decoder, Opcode, Role, Step, WireError};
use crate::tunnel::elastic::{ReadBuffer, poll_read_by_buffer};

/// Bytes over a WebSocket over `T`, a connection that has been upgraded already.
///
/// Written bytes leave when flushed, or when many have come together. Shutting down ends the
/// written direction only. An end of the connection that no message announced is an error to the
/// reader, so that cut-off data is not taken for complete. Buffers exist while there is something
/// in them. Reading by [`AsyncBufRead`] spares a copy.
pub struct WsByteStream<T> {
    io: T,
    input: ReadBuffer,
    decoder: Decoder,
    /// Bytes at the beginning of the input that are payload.
    received: usize,
    output: Output,
    read_ended: bool,
    write_ended: bool,
    close_sent: bool,
    writer_waits: bool,
    /// The reading side could not send all that it had to.
    control_waits: bool,
    ping_due: bool,
    /// The newest ping that was not answered yet.
    pong_due: Option<BytesMut>,
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

impl<T: AsyncRead + AsyncWrite + Unpin> WsByteStream<T> {
    pub(super) fn new(io: T, role: Role) -> Self {
        Self {
            io,
            input: ReadBuffer::default(),
            decoder: Decoder::new(role),
            received: 0,
            output: Output::new(role),
            read_ended: false,
            write_ended: false,
            close_sent: false,
            writer_waits: false,
            control_waits: false,
            ping_due: false,
            pong_due: None,
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
        while self.received == 0 && !self.read_ended {
            match self.decoder.next(&mut self.input.bytes).map_err(refused)? {
                Step::Data(length) => self.received = length,
                Step::End => self.read_ended = true,
                Step::Ping(payload) => self.pong_due = Some(payload),
                Step::Pong => {}
                Step::Close(reason) => {
                    self.read_ended = true;
                    self.write_ended = true;
                    self.answer_close(cx);
                    if let Some(error) = abnormal(reason) {
                        return Poll::Ready(Err(error));
                    }
                }
                Step::More => {
                    let Poll::Ready(length) = self.input.poll_fill(&mut self.io, cx) else {
                        self.send_control(cx)?;
                        return self.poll_keep_alive(cx);
                    };
                    if length? == 0 {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    if let Some(keep_alive) = &mut self.keep_alive {
                        keep_alive.unanswered = 0;
                    }
                }
            }
        }
        if self.read_ended && self.write_ended {
            self.answer_close(cx);
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
            self.send_control(cx)?;
        }
        Poll::Pending
    }

    /// Sends the ping and the pong that are due, from the reading side.
    ///
    /// A writer that waits has the only place for a waker of the sending side, which must not be
    /// taken. It sends them itself as soon as it can.
    fn send_control(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let due = self.ping_due || self.pong_due.is_some();
        if !(due || self.control_waits) || self.writer_waits || self.close_sent {
            return Ok(());
        }
        let sent = self.poll_drain(cx);
        self.writer_waits = false;
        self.control_waits = sent.is_pending();
        match sent {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }

    /// Ends the connection in good order. Best effort: nobody waits for it, and the connection
    /// ends with it or without.
    fn answer_close(&mut self, cx: &mut Context<'_>) {
        if self.close_sent {
            return;
        }
        self.close_sent = true;
        let code = CLOSE_NORMAL.to_be_bytes();
        if self.output.frame(Opcode::Close, &code).is_ok() && !self.writer_waits {
            let _ = self.output.poll_drain(&mut self.io, cx);
            let _ = Pin::new(&mut self.io).poll_flush(cx);
        }
    }

    /// Sends everything that waits, and what is due besides.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.ping_due) {
            self.output.frame(Opcode::Ping, &[])?;
            if let Some(keep_alive) = &mut self.keep_alive {
                keep_alive.unanswered += 1;
            }
        }
        if let Some(payload) = self.pong_due.take() {
            self.output.frame(Opcode::Pong, &payload)?;
        }
        self.writer_waits = true;
        ready!(self.output.poll_drain(&mut self.io, cx))?;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.writer_waits = false;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for WsByteStream<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_receive(cx))?;
        Poll::Ready(Ok(this
            .input
            .bytes
            .get(..this.received)
            .unwrap_or_default()))
    }

    fn consume(mut self: Pin<&mut Self>, length: usize) {
        let length = length.min(self.received);
        self.received -= length;
        self.input.bytes.advance(length);
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for WsByteStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read_by_buffer(self.as_mut(), cx, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WsByteStream<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        this.writer_waits = true;
        let written = ready!(this.output.poll_write(&mut this.io, cx, bytes));
        this.writer_waits = false;
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.close_sent && self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.poll_drain(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.write_ended {
            self.write_ended = true;
            self.output.frame(Opcode::Binary, &[])?;
        }
        if self.read_ended && !self.close_sent {
            self.close_sent = true;
            let code = CLOSE_NORMAL.to_be_bytes();
            self.output.frame(Opcode::Close, &code)?;
        }
        self.poll_drain(cx)
    }
}

impl<T> fmt::Debug for WsByteStream<T> {
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

fn refused(error: WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

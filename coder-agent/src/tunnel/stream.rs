use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::{AsyncWrite as _, Stream as _};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::MOVE_AFTER_BYTES;
use super::elastic::poll_read_by_buffer;
use super::moving::{Place, TunnelEnd, Write};
use super::slot::{Own, Slot};

/// One open stream of a tunnel. Dropping it resets the stream; shutting it down ends the
/// direction towards the peer only. An end that the peer did not mean is an error.
///
/// A stream that moves much goes on over a connection of its own; who uses it does not notice.
/// Reading by [`AsyncBufRead`] spares a copy.
pub struct TunnelStream {
    /// `None` when both directions have left the tunnel.
    tunnel: Option<yamux::Stream>,
    own: Option<Own>,
    /// What was received through the tunnel and not taken yet.
    received: Bytes,
    slot: Slot,
    /// Asks for a move when the stream has moved much; of the server.
    ask: Option<Ask>,
    moved_bytes: usize,
    /// How many these must be for the next question.
    ask_at: usize,
    shut_down: bool,
    writer_waits: bool,
    _guards: Guards,
}

/// Asks for a move of a stream, by a task.
pub(super) type Ask = Box<dyn Fn(yamux::StreamId, Slot) + Send>;

/// What ends with the stream.
#[derive(Default)]
pub(super) struct Guards {
    /// Counts the stream against a bound.
    pub(super) _permit: Option<OwnedSemaphorePermit>,
    /// Keeps the stream known to those who may move it.
    pub(super) _registration: Option<Box<dyn Send>>,
}

impl TunnelStream {
    pub(super) fn new(stream: yamux::Stream) -> Self {
        Self {
            tunnel: Some(stream),
            own: None,
            received: Bytes::new(),
            slot: Slot::new(),
            ask: None,
            moved_bytes: 0,
            ask_at: MOVE_AFTER_BYTES,
            shut_down: false,
            writer_waits: false,
            _guards: Guards::default(),
        }
    }

    /// `guards` live as long as the stream, and `ask` may move it.
    pub(super) fn with(mut self, guards: Guards, ask: Option<Ask>) -> Self {
        self._guards = guards;
        self.ask = ask;
        self
    }

    /// The stream's number in the tunnel, and where a connection for it may be put.
    pub(super) fn slot(&self) -> Option<(yamux::StreamId, Slot)> {
        Some((self.tunnel.as_ref()?.id(), self.slot.clone()))
    }

    fn count(&mut self, bytes: usize) {
        self.moved_bytes = self.moved_bytes.saturating_add(bytes);
        if self.moved_bytes < self.ask_at {
            return;
        }
        // What did not work may work later.
        self.ask_at = self.moved_bytes.saturating_mul(16);
        if let (Some(ask), Some(tunnel)) = (&self.ask, &self.tunnel)
            && self.slot.begin()
        {
            ask(tunnel.id(), self.slot.clone());
        }
    }

    /// Takes payload from the tunnel; `None` at the end there.
    fn poll_tunnel(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let Some(tunnel) = &mut self.tunnel else {
            return Poll::Ready(Ok(None));
        };
        match ready!(Pin::new(&mut *tunnel).poll_next(cx)) {
            Some(packet) => Poll::Ready(packet.map(|packet| Some(Bytes::from_owner(packet)))),
            // The library has the same answer for an end and for a stream or connection that broke.
            None if tunnel.is_closed() && !self.shut_down => {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            None => Poll::Ready(Ok(None)),
        }
    }

    /// Reads from the tunnel; true when there is something or the end, false when the new
    /// connection is next.
    fn poll_receive_tunnelled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.received.is_empty() {
            let Poll::Ready(received) = self.poll_tunnel(cx)? else {
                self.slot.wake_reader(cx);
                self.leave_early(cx)?;
                return Poll::Pending;
            };
            if let Some(bytes) = received {
                self.count(bytes.len());
                self.received = bytes;
                continue;
            }
            // Before the look, so that an answer in between is not missed.
            self.slot.wake_reader(cx);
            match self.slot.lock().moving.on_tunnel_end() {
                TunnelEnd::End => return Poll::Ready(Ok(true)),
                TunnelEnd::Own => return Poll::Ready(Ok(false)),
                TunnelEnd::Wait => return Poll::Pending,
                TunnelEnd::Lost => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Leaves the tunnel as soon as that is decided, from the reading side: else the peer would go on
    /// reading in the tunnel until something is written, and answer no ping in the new connection.
    ///
    /// A writer that waits has the only place for a waker of the sending side, which must not be
    /// taken. It leaves by itself.
    fn leave_early(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let state = self.slot.lock();
        let (lost, what) = (state.moving.is_lost(), state.moving.on_write());
        drop(state);
        if lost {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if what == Write::Leave
            && !self.writer_waits
            && let Poll::Ready(left) = self.poll_leave(cx)
        {
            left?;
        }
        Ok(())
    }

    /// Ends the written direction in the tunnel.
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(tunnel) = &mut self.tunnel {
            ready!(Pin::new(&mut *tunnel).poll_flush(cx))?;
            ready!(Pin::new(tunnel).poll_close(cx))?;
        }
        self.shut_down = true;
        let mut state = self.slot.lock();
        state.moving.left();
        let gone = state.moving.reading() == Place::Own;
        drop(state);
        if gone {
            self.tunnel = None;
        }
        Poll::Ready(Ok(()))
    }

    fn own(&mut self) -> io::Result<&mut Own> {
        if self.own.is_none() {
            self.own = self.slot.lock().own.take();
        }
        self.own
            .as_mut()
            .ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncBufRead for TunnelStream {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let place = if this.received.is_empty() {
            this.slot.lock().moving.reading()
        } else {
            Place::Tunnel
        };
        match place {
            Place::Ended => return Poll::Ready(Ok(&[])),
            Place::Tunnel => {
                if ready!(this.poll_receive_tunnelled(cx))? {
                    return Poll::Ready(Ok(&this.received));
                }
            }
            Place::Own => {}
        }
        this.leave_early(cx)?;
        if this.shut_down {
            this.tunnel = None;
        }
        Pin::new(this.own()?).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, length: usize) {
        if self.received.is_empty() {
            if let Some(own) = &mut self.own {
                Pin::new(own).consume(length);
            }
        } else {
            let length = length.min(self.received.len());
            self.received.advance(length);
        }
    }
}

impl AsyncRead for TunnelStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read_by_buffer(self.as_mut(), cx, buffer)
    }
}

impl TunnelStream {
    fn poll_write_somewhere(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let what = self.slot.lock().moving.on_write();
            match (what, &mut self.tunnel) {
                (Write::Tunnel, Some(tunnel)) => {
                    if let Poll::Ready(written) = Pin::new(tunnel).poll_write(cx, bytes)? {
                        self.count(written);
                        return Poll::Ready(Ok(written));
                    }
                    // An answer may end the wait: who reads no more in the tunnel says nothing there.
                    self.slot.wake_writer(cx);
                    if self.slot.lock().moving.on_write() == Write::Tunnel {
                        return Poll::Pending;
                    }
                }
                (Write::Leave, _) => ready!(self.poll_leave(cx))?,
                (Write::Own, _) => return Pin::new(self.own()?).poll_write(cx, bytes),
                _ => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
    }

    fn poll_flush_somewhere(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let what = self.slot.lock().moving.on_write();
        match (what, &mut self.tunnel) {
            (Write::Own, _) => Pin::new(self.own()?).poll_flush(cx),
            (Write::Tunnel | Write::Leave, Some(tunnel)) => Pin::new(tunnel).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown_somewhere(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // Before the look, so that an answer in between is not missed.
            self.slot.wake_writer(cx);
            let what = self.slot.lock().moving.on_shutdown();
            match (what, &mut self.tunnel) {
                (Write::Tunnel, Some(tunnel)) => {
                    ready!(Pin::new(tunnel).poll_close(cx))?;
                    self.shut_down = true;
                    return Poll::Ready(Ok(()));
                }
                (Write::Leave, _) => ready!(self.poll_leave(cx))?,
                (Write::Own, _) => return Pin::new(self.own()?).poll_shutdown(cx),
                (Write::Wait, _) => return Poll::Pending,
                (Write::Closed | Write::Tunnel, _) => {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
            }
        }
    }
}

impl AsyncWrite for TunnelStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_write_somewhere(cx, bytes);
        self.writer_waits = written.is_pending();
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.poll_flush_somewhere(cx);
        self.writer_waits = flushed.is_pending();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.poll_shutdown_somewhere(cx);
        self.writer_waits = ended.is_pending();
        ended
    }
}

impl fmt::Debug for TunnelStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TunnelStream")
            .field("tunnel", &self.tunnel)
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

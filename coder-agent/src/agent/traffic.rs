//! How much is moved through the tunnel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// What streams have moved since it was asked last.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    received: Direction,
    sent: Direction,
}

/// One direction, as the workspace sees it.
#[derive(Debug, Default)]
struct Direction {
    bytes: AtomicI64,
    packets: AtomicI64,
}

/// An amount of traffic. A packet is what was read or written at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) bytes: i64,
    pub(super) packets: i64,
}

/// A stream whose traffic is counted.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    traffic: Arc<Traffic>,
}

impl Traffic {
    /// Counts what `stream` moves from now on.
    pub(super) fn meter<S>(self: &Arc<Self>, stream: S) -> Metered<S> {
        Metered {
            stream,
            traffic: Arc::clone(self),
        }
    }

    /// What was received and sent since the last call.
    pub(super) fn take(&self) -> (Amount, Amount) {
        (self.received.take(), self.sent.take())
    }

    /// Counts again what could not be told.
    pub(super) fn give_back(&self, (received, sent): (Amount, Amount)) {
        self.received.add(received);
        self.sent.add(sent);
    }
}

impl Direction {
    fn moved(&self, bytes: usize) {
        if bytes > 0 {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.add(Amount { bytes, packets: 1 });
        }
    }

    fn add(&self, amount: Amount) {
        self.bytes.fetch_add(amount.bytes, Ordering::Relaxed);
        self.packets.fetch_add(amount.packets, Ordering::Relaxed);
    }

    fn take(&self) -> Amount {
        Amount {
            bytes: self.bytes.swap(0, Ordering::Relaxed),
            packets: self.packets.swap(0, Ordering::Relaxed),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.traffic.received.moved(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncBufRead + Unpin> AsyncBufRead for Metered<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().stream).poll_fill_buf(context)
    }

    fn consume(mut self: Pin<&mut Self>, length: usize) {
        self.traffic.received.moved(length);
        Pin::new(&mut self.stream).consume(length);
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.traffic.sent.moved(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{
        AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, duplex,
    };

    #[tokio::test]
    async fn both_directions_are_counted_once() {
        let traffic = Arc::new(Traffic::default());
        let (near, mut far) = duplex(1_024);
        let mut near = traffic.meter(near);
        near.write_all(b"hello").await.unwrap();
        near.shutdown().await.unwrap();
        far.write_all(b"to you").await.unwrap();
        far.shutdown().await.unwrap();
        let mut text = String::new();
        near.read_to_string(&mut text).await.unwrap();
        let amount = |bytes| Amount { bytes, packets: 1 };
        let moved = traffic.take();
        assert_eq!(moved, (amount(6), amount(5)));
        assert_eq!(traffic.take(), <(Amount, Amount)>::default());
        traffic.give_back(moved);
        assert_eq!(traffic.take(), moved);

        let (near, mut far) = duplex(1_024);
        let mut near = traffic.meter(BufReader::new(near));
        far.write_all(b"line\nrest").await.unwrap();
        let mut line = String::new();
        near.read_line(&mut line).await.unwrap();
        assert_eq!(
            traffic.take().0.bytes,
            5,
            "what was consumed, not what was read ahead"
        );
    }
}

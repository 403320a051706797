//! How much is moved.

use std::io;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// Counts what streams move, as the workspace sees it; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic(Arc<Directions>);

#[derive(Debug, Default)]
struct Directions {
    received: Direction,
    sent: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    bytes: AtomicU64,
    packets: AtomicU64,
}

/// What was moved both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) received: Amount,
    pub(crate) sent: Amount,
}

/// An amount of traffic. A packet is what was read or written at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

/// A stream whose traffic is counted.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    traffic: Traffic,
}

impl Traffic {
    /// Counts what `stream` moves from now on.
    pub(crate) fn meter<S>(&self, stream: S) -> Metered<S> {
        Metered {
            stream,
            traffic: self.clone(),
        }
    }

    /// Counts one packet that came.
    pub(crate) fn received(&self, bytes: usize) {
        self.0.received.add(bytes);
    }

    /// Counts one packet that went.
    pub(crate) fn sent(&self, bytes: usize) {
        self.0.sent.add(bytes);
    }

    /// What was moved since the start.
    pub(crate) fn totals(&self) -> Moved {
        Moved {
            received: self.0.received.total(),
            sent: self.0.sent.total(),
        }
    }
}

impl Direction {
    fn add(&self, bytes: usize) {
        if bytes > 0 {
            self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            self.packets.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn total(&self) -> Amount {
        Amount {
            bytes: self.bytes.load(Ordering::Relaxed),
            packets: self.packets.load(Ordering::Relaxed),
        }
    }
}

impl Add for Moved {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            sent: self.sent + other.sent,
        }
    }
}

impl Sub for Moved {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            received: self.received - earlier.received,
            sent: self.sent - earlier.sent,
        }
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            packets: self.packets.saturating_add(other.packets),
        }
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(earlier.bytes),
            packets: self.packets.saturating_sub(earlier.packets),
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
        self.traffic.received(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncBufRead + Unpin> AsyncBufRead for Metered<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().stream).poll_fill_buf(context)
    }

    fn consume(mut self: Pin<&mut Self>, length: usize) {
        self.traffic.received(length);
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
        self.traffic.sent(written);
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
        let traffic = Traffic::default();
        let (near, mut far) = duplex(1_024);
        let mut near = traffic.meter(near);
        near.write_all(b"hello").await.unwrap();
        near.shutdown().await.unwrap();
        far.write_all(b"to you").await.unwrap();
        far.shutdown().await.unwrap();
        let mut text = String::new();
        near.read_to_string(&mut text).await.unwrap();
        let amount = |bytes| Amount { bytes, packets: 1 };
        let before = traffic.totals();
        let moved = Moved {
            received: amount(6),
            sent: amount(5),
        };
        assert_eq!(before, moved);

        let (near, mut far) = duplex(1_024);
        let mut near = traffic.meter(BufReader::new(near));
        far.write_all(b"line\nrest").await.unwrap();
        let mut line = String::new();
        near.read_line(&mut line).await.unwrap();
        assert_eq!(
            (traffic.totals() - before).received.bytes,
            5,
            "what was consumed, not what was read ahead"
        );
    }
}

//! Buffers that are large while much goes through them and nothing while little does.
//!
//! A server holds thousands of connections that say a few bytes in a minute, and some that say a
//! gigabyte: neither a large buffer for each nor a small one for all would do.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// A buffer of this size is given back whenever it is empty, in bytes.
const SMALL: usize = 4 * 1024;

/// The largest buffer: beyond it fewer system calls save nothing.
const LARGE: usize = 256 * 1024;

/// The size that a buffer should have, learnt from how much goes through it at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(usize);

impl Default for Size {
    fn default() -> Self {
        Self(SMALL)
    }
}

impl Size {
    /// Learns that `bytes` went through at once. Grows at once, and shrinks in a few steps, so that a
    /// small message among large ones changes little.
    fn learn(&mut self, bytes: usize) {
        if bytes >= self.0 {
            self.0 = (self.0 * 4).min(LARGE);
        } else if bytes < self.0 / 16 {
            self.0 = (self.0 / 4).max(SMALL);
        }
    }

    /// Gives an empty buffer back that is larger than it should be, or so small that it costs nothing to
    /// make a new one.
    fn trim(self, buffer: &mut BytesMut) {
        if buffer.is_empty() && (self.0 == SMALL || buffer.capacity() > 4 * self.0) {
            *buffer = BytesMut::new();
        }
    }
}

/// Bytes that were read and not taken yet.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    pub(crate) bytes: BytesMut,
    size: Size,
}

impl ReadBuffer {
    /// Reads more, as much as there is and fits. Zero is the end.
    pub(crate) fn poll_fill<T: AsyncRead + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let room = self.size.0.saturating_sub(self.bytes.len()).max(SMALL / 2);
        self.bytes.reserve(room);
        let read = poll_read_buf(Pin::new(io), cx, &mut self.bytes);
        match &read {
            Poll::Ready(Ok(length)) => self.size.learn(*length),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.size.trim(&mut self.bytes),
        }
        read
    }
}

/// Bytes that wait to be written.
#[derive(Debug, Default)]
pub(super) struct WriteBuffer {
    pub(super) bytes: BytesMut,
    size: Size,
    /// The most that has waited since the buffer was empty.
    most: usize,
}

impl WriteBuffer {
    /// Writes all.
    pub(super) fn poll_drain<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.most = self.most.max(self.bytes.len());
        while !self.bytes.is_empty() {
            let written = ready!(Pin::new(&mut *io).poll_write(cx, &self.bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bytes.advance(written);
        }
        if self.most > 0 {
            self.size.learn(std::mem::take(&mut self.most));
            self.size.trim(&mut self.bytes);
        }
        Poll::Ready(Ok(()))
    }
}

/// A connection that can be read without copying, from a buffer that is there only when it is needed.
#[derive(Debug)]
pub struct Buffered<T> {
    io: T,
    input: ReadBuffer,
}

impl<T> Buffered<T> {
    /// Wraps `io`.
    pub fn new(io: T) -> Self {
        Self {
            io,
            input: ReadBuffer::default(),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncBufRead for Buffered<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.input.bytes.is_empty() {
            ready!(this.input.poll_fill(&mut this.io, cx))?;
        }
        Poll::Ready(Ok(&this.input.bytes))
    }

    fn consume(mut self: Pin<&mut Self>, length: usize) {
        let length = length.min(self.input.bytes.len());
        self.input.bytes.advance(length);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Buffered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read_by_buffer(self.as_mut(), cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Buffered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// `AsyncRead` for what is `AsyncBufRead`.
pub(super) fn poll_read_by_buffer<T: AsyncBufRead>(
    mut io: Pin<&mut T>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let bytes = ready!(io.as_mut().poll_fill_buf(cx))?;
    let length = bytes.len().min(buffer.remaining());
    buffer.put_slice(bytes.get(..length).unwrap_or_default());
    io.consume(length);
    Poll::Ready(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, duplex};

    #[test]
    fn sizes_follow_the_traffic() {
        let mut size = Size::default();
        for expected in [16, 64, 256, 256] {
            size.learn(size.0);
            assert_eq!(size.0, expected * 1024);
        }
        size.learn(100_000);
        assert_eq!(size.0, LARGE);
        for expected in [64, 16, 4, 4] {
            size.learn(20);
            assert_eq!(size.0, expected * 1024);
        }
    }

    #[tokio::test]
    async fn idle_connections_hold_no_buffer() {
        let (near, mut far) = duplex(1024 * 1024);
        let mut io = Buffered::new(near);
        far.write_all(&vec![1; 900_000]).await.unwrap();
        let mut left = 900_000;
        while left > 0 {
            let length = io.fill_buf().await.unwrap().len();
            io.consume(length);
            left -= length;
        }
        assert!(io.input.bytes.capacity() >= SMALL);
        for _ in 0..4 {
            far.write_all(b"ping").await.unwrap();
            let length = io.fill_buf().await.unwrap().len();
            io.consume(length);
        }
        let idle = io.fill_buf();
        assert!(
            tokio::time::timeout(std::time::Duration::ZERO, idle)
                .await
                .is_err()
        );
        assert_eq!(io.input.bytes.capacity(), 0);
    }
}

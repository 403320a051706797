use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::input::InputBudget;

/// Unsent bytes beyond which those who produce data wait.
const HIGH_WATER: usize = 256 * 1024;

/// Unsent bytes beyond which the connection waits. Only a peer that provokes answers without
/// reading them gets that far.
const MAX_UNSENT: usize = 16 * 1024 * 1024;

/// The stream under an SSH connection, made fit for the SSH library.
///
/// * The library does not read while it writes. Two ends that both have much to send would wait
///   for each other for ever, so writing never waits here; instead the producers of data wait for
///   [`Unsent::room`].
/// * It has no way to stop reading without stopping everything. Here reading pauses while a
///   connection has used up its [`InputBudget`], and writing goes on.
/// * It has no way to break off a connection whose peer neither reads nor hangs up. Here that is
///   done by a token.
pub(crate) struct Transport<S> {
    stream: S,
    token: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    buffer: BytesMut,
    needs_flush: bool,
    unsent: Unsent,
    budget: Option<InputBudget>,
}

/// How much a connection has not sent yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unsent(Arc<UnsentState>);

#[derive(Debug, Default)]
struct UnsentState {
    bytes: AtomicUsize,
    sent: Notify,
}

impl Unsent {
    /// Waits until the connection keeps up with what is to be sent.
    pub(crate) async fn room(&self) {
        loop {
            let sent = self.0.sent.notified();
            if self.0.bytes.load(Ordering::Acquire) < HIGH_WATER {
                return;
            }
            sent.await;
        }
    }

    fn set(&self, bytes: usize) {
        let before = self.0.bytes.swap(bytes, Ordering::AcqRel);
        if before >= HIGH_WATER && bytes < HIGH_WATER {
            self.0.sent.notify_waiters();
        }
    }
}

impl<S> Transport<S> {
    pub(crate) fn new(
        stream: S,
        token: CancellationToken,
        unsent: Unsent,
        budget: Option<InputBudget>,
    ) -> Self {
        Self {
            stream,
            cancelled: Box::pin(token.clone().cancelled_owned()),
            token,
            buffer: BytesMut::new(),
            needs_flush: false,
            unsent,
            budget,
        }
    }

    /// Whether the stream is over; if not, the task is woken when it is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.token.is_cancelled() || self.cancelled.as_mut().poll(context).is_ready()
    }
}

impl<S: AsyncWrite + Unpin> Transport<S> {
    /// Sends what waits to be sent.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.buffer))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.buffer.advance(written);
            self.needs_flush = true;
            self.unsent.set(self.buffer.len());
        }
        if self.buffer.capacity() > 2 * HIGH_WATER {
            self.buffer = BytesMut::new();
        }
        if self.needs_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Transport<S> {
    /// Also sends what waits to be sent: the library always waits for something to read, whatever
    /// else it waits for.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(Err(error)) = self.poll_drain(context) {
            return Poll::Ready(Err(error));
        }
        if self
            .budget
            .as_ref()
            .is_some_and(|budget| !budget.poll_room(context))
        {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.buffer.is_empty()
            && let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, bytes)
        {
            self.needs_flush = true;
            return Poll::Ready(written);
        }
        if self.buffer.len() >= MAX_UNSENT {
            ready!(self.poll_drain(context))?;
        }
        self.buffer.extend_from_slice(bytes);
        self.unsent.set(self.buffer.len());
        Poll::Ready(Ok(bytes.len()))
    }

    /// Sends what can be sent at once.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match self.poll_drain(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> Drop for Transport<S> {
    fn drop(&mut self) {
        self.unsent.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::timeout;

    use super::*;

    fn transport(
        size: usize,
    ) -> (
        Transport<DuplexStream>,
        DuplexStream,
        CancellationToken,
        Unsent,
    ) {
        let (near, far) = tokio::io::duplex(size);
        let (token, unsent) = (CancellationToken::new(), Unsent::default());
        let transport = Transport::new(near, token.clone(), unsent.clone(), None);
        (transport, far, token, unsent)
    }

    #[tokio::test]
    async fn writing_does_not_wait_but_producers_do() {
        let (mut near, mut far, _token, unsent) = transport(1024);
        near.write_all(&vec![7; 1_000_000]).await.unwrap();
        near.flush().await.unwrap();
        assert!(
            timeout(Duration::from_millis(20), unsent.room())
                .await
                .is_err()
        );
        let reader = async {
            let mut received = vec![0; 1_000_000];
            far.read_exact(&mut received).await.unwrap();
            assert!(received.iter().all(|byte| *byte == 7));
            far.write_all(b"x").await.unwrap();
        };
        let mut byte = [0];
        let (read, (), ()) = tokio::join!(near.read_exact(&mut byte), reader, unsent.room());
        read.unwrap();
    }

    #[tokio::test]
    async fn a_peer_that_never_reads_is_bounded() {
        let (mut near, _far, token, _unsent) = transport(1024);
        let chunk = vec![0; 1024 * 1024];
        let mut written = 0;
        while timeout(Duration::from_millis(50), near.write_all(&chunk))
            .await
            .is_ok()
        {
            written += chunk.len();
        }
        assert!(
            (MAX_UNSENT..MAX_UNSENT + 2 * chunk.len()).contains(&written),
            "{written}"
        );
        token.cancel();
        assert!(near.write_all(&chunk).await.is_err());
    }

    #[tokio::test]
    async fn a_stuck_reader_ends() {
        let (mut near, _far, token, _unsent) = transport(8);
        let reading = tokio::spawn(async move { near.read(&mut [0; 8]).await });
        token.cancel();
        assert_eq!(reading.await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn shutting_down_sends_the_rest() {
        let (mut near, mut far, _token, _unsent) = transport(16);
        near.write_all(&[1; 1000]).await.unwrap();
        let mut received = Vec::new();
        let (shut, read) = tokio::join!(near.shutdown(), far.read_to_end(&mut received));
        shut.unwrap();
        assert_eq!(read.unwrap(), 1000);
    }
}

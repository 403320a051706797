use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A stream that ends when a token is cancelled, whatever the peer does.
///
/// The SSH library has no way to break off a connection whose peer neither reads nor hangs up.
pub(super) struct Cancellable<S> {
    stream: S,
    token: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Cancellable<S> {
    pub(super) fn new(stream: S, token: CancellationToken) -> Self {
        Self {
            stream,
            cancelled: Box::pin(token.clone().cancelled_owned()),
            token,
        }
    }

    /// Whether the stream is over; if not, the task is woken when it is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.token.is_cancelled() || self.cancelled.as_mut().poll(context).is_ready()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cancellable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cancellable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_stuck_reader_and_a_stuck_writer_end() {
        let (near, _far) = tokio::io::duplex(8);
        let token = CancellationToken::new();
        let (mut reader, mut writer) = tokio::io::split(Cancellable::new(near, token.clone()));
        let stuck = tokio::spawn(async move { writer.write_all(&[0; 64]).await });
        token.cancel();
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(stuck.await.unwrap().is_err());
    }
}

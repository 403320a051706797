//! Drives a yamux connection: its only owner, so that everything else talks through channels.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};
use tokio_util::sync::CancellationToken;

use super::{Io, MAX_STREAMS};
use crate::{Error, ErrorKind, Result};

/// Streams known to yamux: those counted open, and room for ones that are being taken down.
const MAX_YAMUX_STREAMS: usize = MAX_STREAMS + 56;

/// Bytes of one connection that may wait to be read: 256 KiB for every stream, which is the least
/// that yamux allows, and some more for the windows of the few that move much over a long line.
const MAX_RECEIVE_WINDOW: usize = MAX_YAMUX_STREAMS * 256 * 1024 + 32 * 1024 * 1024;

/// Larger than yamux' own 16 KiB: measured to be faster over WebSocket.
const SEND_SIZE: usize = 64 * 1024;

/// How long a clean end may take before the connection is just dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks for a new stream.
pub(super) type OpenCommand = oneshot::Sender<Result<yamux::Stream>>;

/// What to do with the streams that the peer opens.
pub(super) enum Inbound {
    /// Hand them on; when nobody takes them they are reset.
    Accept(mpsc::Sender<yamux::Stream>),
    /// The peer may not open any: end the connection.
    Refuse,
}

pub(super) struct Driver<T> {
    connection: yamux::Connection<Compat<T>>,
    inbound: Inbound,
    opens: Option<mpsc::Receiver<OpenCommand>>,
    waiting: Option<OpenCommand>,
}

impl<T: Io> Driver<T> {
    pub(super) fn new(
        io: T,
        mode: yamux::Mode,
        inbound: Inbound,
        opens: Option<mpsc::Receiver<OpenCommand>>,
    ) -> Self {
        let mut config = yamux::Config::default();
        config
            .set_max_num_streams(MAX_YAMUX_STREAMS)
            .set_max_connection_receive_window(Some(MAX_RECEIVE_WINDOW))
            .set_split_send_size(SEND_SIZE);
        let connection = yamux::Connection::new(io.compat(), config, mode);
        Self {
            connection,
            inbound,
            opens,
            waiting: None,
        }
    }

    /// Moves bytes until the peer ends the connection, an error, or `cancel`.
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<()> {
        let ended = tokio::select! {
            ended = poll_fn(|cx| self.poll(cx)) => Some(ended),
            () = cancel.cancelled() => None,
        };
        if let Some(ended) = ended {
            return ended;
        }
        let close = poll_fn(|cx| self.connection.poll_close(cx));
        // Whether the peer still listens does not matter any more.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, close).await;
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if self.waiting.is_none()
                && let Some(opens) = &mut self.opens
            {
                match opens.poll_recv(cx) {
                    Poll::Ready(Some(command)) => self.waiting = Some(command),
                    Poll::Ready(None) => self.opens = None,
                    Poll::Pending => {}
                }
            }
            if self.waiting.is_some()
                && let Poll::Ready(opened) = self.connection.poll_new_outbound(cx)
            {
                let opened = opened.map_err(failed);
                let broken = opened.is_err();
                if let Some(waiting) = self.waiting.take() {
                    // Whoever asked may have given up.
                    let _ = waiting.send(opened);
                }
                if broken {
                    return Poll::Ready(Err(Error::new(ErrorKind::Closed, "tunnel ended")));
                }
                continue;
            }
            match self.connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => match &self.inbound {
                    Inbound::Accept(streams) => drop(streams.try_send(stream)),
                    Inbound::Refuse => {
                        let message = "agent opened a stream, which only the server may";
                        return Poll::Ready(Err(Error::new(ErrorKind::Protocol, message)));
                    }
                },
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(failed(error))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

fn failed(error: yamux::ConnectionError) -> Error {
    let kind = match &error {
        yamux::ConnectionError::TooManyStreams => ErrorKind::Busy,
        yamux::ConnectionError::Decode(_) => ErrorKind::Protocol,
        _ => ErrorKind::Closed,
    };
    Error::new(kind, "tunnel failed").with_source(error)
}

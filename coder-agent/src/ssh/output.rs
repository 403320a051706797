use std::future::poll_fn;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf};
use tokio::io::AsyncRead;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::closing::Closing;
use super::exit::Exit;
use super::limits::CLOSE_WAIT;
use super::signal;
use super::transport::Unsent;
use crate::platform::process::ended_by;
use crate::traffic::Traffic;
use crate::tunnel::ReadBuffer;

/// The channel's type of data for standard error (RFC 4254 section 5.2).
const SSH_EXTENDED_DATA_STDERR: u32 = 1;

/// Which stream of a process something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// The sending direction of a channel.
///
/// Everything here waits for the client's window and for the connection, possibly for ever: the
/// caller gives up when the channel is closed.
pub(super) struct Output {
    writer: ChannelWriteHalf<Msg>,
    handle: Handle,
    state: OutputState,
}

/// What an output shares with its channel and connection.
pub(super) struct OutputState {
    pub(super) blocked: Blocked,
    pub(super) unsent: Unsent,
    pub(super) traffic: Traffic,
    pub(super) closing: Closing,
    /// Cancelled when the client has closed the channel.
    pub(super) left: CancellationToken,
    /// Whether the client has sent its last byte.
    pub(super) input_ended: Arc<AtomicBool>,
}

/// How many of a channel's streams are waiting for the client to read.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocked(Arc<AtomicUsize>);

/// The connection has ended.
#[derive(Debug)]
pub(super) struct Gone;

impl Output {
    pub(super) const fn new(
        writer: ChannelWriteHalf<Msg>,
        handle: Handle,
        state: OutputState,
    ) -> Self {
        Self {
            writer,
            handle,
            state,
        }
    }

    /// Sends bytes as soon as the client can take them.
    pub(super) async fn send(&self, stream: Stream, bytes: Bytes) -> Result<(), Gone> {
        let _blocked = self.state.blocked.enter();
        self.state.unsent.room().await;
        self.state.traffic.sent(bytes.len());
        let sent = match stream {
            Stream::Stdout => self.writer.data_bytes(bytes).await,
            Stream::Stderr => {
                self.writer
                    .extended_data_bytes(SSH_EXTENDED_DATA_STDERR, bytes)
                    .await
            }
        };
        sent.map_err(|_closed| Gone)
    }

    /// Sends all that `source` has. The end of a source and its failure are the same to a client,
    /// and a terminal ends with a failure.
    pub(super) async fn copy_from<R: AsyncRead + Unpin>(
        &self,
        stream: Stream,
        mut source: R,
    ) -> Result<(), Gone> {
        let mut buffer = ReadBuffer::default();
        loop {
            match poll_fn(|cx| buffer.poll_fill(&mut source, cx)).await {
                Ok(0) | Err(_) => return Ok(()),
                Ok(_) => self.send(stream, buffer.bytes.split().freeze()).await?,
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(super) async fn end(&self) -> Result<(), Gone> {
        self.writer.eof().await.map_err(|_closed| Gone)
    }

    /// Says how a process ended and closes the channel.
    pub(super) async fn exit(&self, exit: Exit) -> Result<(), Gone> {
        match exit {
            Exit::Status(status) => self
                .writer
                .exit_status(status)
                .await
                .map_err(|_closed| Gone)?,
            Exit::Signal {
                number,
                core_dumped,
            } => self
                .handle
                .exit_signal_request(
                    self.id(),
                    signal::to_ssh(number),
                    core_dumped,
                    String::new(),
                    String::new(),
                )
                .await
                .map_err(|()| Gone)?,
        }
        self.end().await?;
        let closing = &self.state.closing;
        let input_ended = self.state.input_ended.load(Ordering::Acquire);
        if !closing.client_closes() || !input_ended {
            return self.close_first().await;
        }
        if !self.client_closes().await {
            closing.waited_in_vain();
            return self.close_first().await;
        }
        Ok(())
    }

    /// Gives the client a moment to close a channel that is over, see [`Closing`].
    pub(super) async fn close_second(&self) -> Result<(), Gone> {
        if self.client_closes().await {
            return Ok(());
        }
        self.close_first().await
    }

    async fn client_closes(&self) -> bool {
        timeout(CLOSE_WAIT, self.state.left.cancelled())
            .await
            .is_ok()
    }

    /// Closes the channel of a session that is over for another reason than its program's end.
    ///
    /// The client may have closed it already, or have gone; then nothing happens.
    pub(super) async fn abandon(self) {
        drop(timeout(CLOSE_WAIT, self.close_first()).await);
    }

    async fn close_first(&self) -> Result<(), Gone> {
        if !self.state.left.is_cancelled() {
            self.state.closing.closed_first();
        }
        self.writer.close().await.map_err(|_closed| Gone)
    }

    fn id(&self) -> ChannelId {
        self.writer.id()
    }
}

impl Blocked {
    /// Whether the client does not take what the channel has to say.
    pub(super) fn is_blocked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn enter(&self) -> BlockedGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        BlockedGuard(&self.0)
    }
}

struct BlockedGuard<'a>(&'a AtomicUsize);

impl Drop for BlockedGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), ended_by(status)) {
            (Some(code), _) => u32::try_from(code).map_or(Self::UNKNOWN, Self::Status),
            (None, Some((number, core_dumped))) => Self::Signal {
                number,
                core_dumped,
            },
            (None, None) => Self::UNKNOWN,
        }
    }
}

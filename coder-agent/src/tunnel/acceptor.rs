use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::activity::Activity;
use super::frame::{MoveRequest, OpenReply, OpenRequest, OpenStatus};
use super::moves::{Movers, StreamDialer};
use super::mux::{Driver, Inbound};
use super::stream::Guards;
use super::{Io, MAX_PENDING_OPENS, SERVER_SILENT_AFTER, TunnelStream};
use crate::{Error, ErrorKind, Result};

/// How long the server may take to send a stream's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The agent's side of a tunnel: takes the streams that the server opens.
///
/// Dropping it ends the tunnel and all its streams.
#[derive(Debug)]
pub struct TunnelAcceptor {
    streams: mpsc::Receiver<yamux::Stream>,
    driver: JoinHandle<Result<()>>,
    activity: Activity,
    movers: Option<Movers>,
    cancel: DropGuard,
}

/// A stream that the server wants to open. Dropping it resets the stream.
pub struct IncomingStream {
    stream: TunnelStream,
    movers: Option<Movers>,
}

impl TunnelAcceptor {
    /// Runs the agent's side over `io`, the connection that `GET tunnel` was upgraded to, by a
    /// task on the current runtime.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new(io: impl Io) -> Self {
        let cancel = CancellationToken::new();
        let (sender, streams) = mpsc::channel(MAX_PENDING_OPENS);
        let (activity, io) = Activity::watch(io);
        let driver = Driver::new(io, yamux::Mode::Client, Inbound::Accept(sender), None);
        let driver = tokio::spawn(driver.run(cancel.clone()));
        Self {
            streams,
            driver,
            activity,
            movers: None,
            cancel: cancel.drop_guard(),
        }
    }

    /// Lets the server move streams to connections that `dialer` opens.
    #[must_use]
    pub fn with_dialer(mut self, dialer: Arc<dyn StreamDialer>) -> Self {
        self.movers = Some(Movers::new(dialer));
        self
    }

    /// The next stream, pings included. Never wait for a stream's work before the next call:
    /// nothing else is accepted meanwhile.
    ///
    /// # Errors
    /// When the tunnel has ended, or nothing was heard for [`SERVER_SILENT_AFTER`].
    ///
    /// Must not be called again after an error.
    pub async fn accept(&mut self) -> Result<IncomingStream> {
        let stream = tokio::select! {
            stream = self.streams.recv() => stream,
            () = self.activity.silence(SERVER_SILENT_AFTER) => {
                return Err(Error::new(ErrorKind::TimedOut, "server is silent"));
            }
        };
        if let Some(stream) = stream {
            return Ok(IncomingStream {
                stream: TunnelStream::new(stream),
                movers: self.movers.clone(),
            });
        }
        match (&mut self.driver).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => Err(Error::new(ErrorKind::Closed, "server ended the tunnel")),
            Err(error) => {
                Err(Error::new(ErrorKind::Internal, "tunnel task died").with_source(error))
            }
        }
    }

    /// Ends the tunnel in good order, so that the server knows at once.
    pub async fn close(self) {
        drop(self.cancel);
        // It ends by itself within a bound; how it ended does not matter any more.
        let _ = self.driver.await;
    }
}

impl IncomingStream {
    /// Reads which TCP port the stream is for. Pings and questions to move a stream are answered here,
    /// everything else is refused; all these give `None`.
    ///
    /// # Errors
    /// When the stream ends or stays silent.
    pub async fn request(self) -> Result<Option<(u16, Self)>> {
        match self.any_request().await? {
            Some((OpenRequest::Tcp(port), stream)) => Ok(Some((port, stream))),
            Some((_, stream)) => {
                let reason = "this network is not offered";
                stream.refuse(OpenStatus::Unsupported, reason).await?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Reads what the stream is for, for agents that offer more than TCP. Pings and questions to move
    /// a stream are answered here, and headers that make no sense refused; all these give `None`.
    ///
    /// # Errors
    /// When the stream ends or stays silent.
    pub async fn any_request(mut self) -> Result<Option<(OpenRequest, Self)>> {
        let mut header = [0; OpenRequest::LEN];
        let read = timeout(HEADER_TIMEOUT, self.stream.read_exact(&mut header));
        read.await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "stream without a header"))?
            .map_err(broken)?;
        match OpenRequest::decode(header) {
            Ok(OpenRequest::Ping) => {
                self.reply(&OpenReply::ok()).await?;
                self.stream.shutdown().await.map_err(broken)?;
                Ok(None)
            }
            Ok(OpenRequest::Move) => {
                self.move_stream().await?;
                Ok(None)
            }
            Ok(request) => Ok(Some((request, self))),
            Err(error) => {
                self.refuse(OpenStatus::Unsupported, &error.to_string())
                    .await?;
                Ok(None)
            }
        }
    }

    /// Opens the stream.
    ///
    /// # Errors
    /// When the stream has ended.
    pub async fn accept(mut self) -> Result<TunnelStream> {
        // Before the answer: the server may ask to move the stream as soon as it has it.
        let registered = self.movers.as_ref().zip(self.stream.slot());
        let registration = registered.map(|(movers, (id, slot))| movers.register(id.val(), slot));
        let guards = Guards {
            _permit: None,
            _registration: registration,
        };
        self.reply(&OpenReply::ok()).await?;
        Ok(self.stream.with(guards, None))
    }

    /// Refuses the stream, with a reason for people.
    ///
    /// # Errors
    /// When the stream has ended.
    pub async fn refuse(mut self, status: OpenStatus, reason: &str) -> Result<()> {
        self.reply(&OpenReply::refuse(status, reason)).await?;
        self.stream.shutdown().await.map_err(broken)
    }

    async fn move_stream(mut self) -> Result<()> {
        let Some(movers) = self.movers.clone() else {
            let reason = "streams are not moved by this agent";
            return self.refuse(OpenStatus::Unsupported, reason).await;
        };
        let mut request = [0; MoveRequest::LEN];
        let read = timeout(HEADER_TIMEOUT, self.stream.read_exact(&mut request));
        read.await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "question without its end"))?
            .map_err(broken)?;
        let reply = movers.answer(MoveRequest::decode(request)).await;
        self.reply(&reply).await?;
        self.stream.shutdown().await.map_err(broken)
    }

    async fn reply(&mut self, reply: &OpenReply) -> Result<()> {
        self.stream
            .write_all(&reply.encode())
            .await
            .map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }
}

impl fmt::Debug for IncomingStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("IncomingStream")
            .field(&self.stream)
            .finish()
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, "server ended the stream").with_source(error)
}

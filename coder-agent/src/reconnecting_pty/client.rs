use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf, split};

use super::{ReconnectingPtyInit, ReconnectingPtyRequest};
use crate::tunnel::{BoxedIo, Io};
use crate::{Error, ErrorKind, Result};

/// Bytes of input that are put into one object.
const INPUT_CHUNK: usize = 32 * 1024;

/// A client's side of a terminal that outlives its connection.
///
/// Reading gives the terminal's output, beginning with a replay of the end of what it said before;
/// its end means that the program has ended. Dropping it leaves the terminal as it is: attaching
/// again under the same id goes on with it.
pub struct ReconnectingPty {
    output: ReadHalf<BoxedIo>,
    input: ReconnectingPtyInput,
}

/// The way to a terminal: what is typed, and its size.
pub struct ReconnectingPtyInput(WriteHalf<BoxedIo>);

impl ReconnectingPty {
    /// Attaches over `io`, a stream to port
    /// [`RECONNECTING_PTY`](crate::tunnel::port::RECONNECTING_PTY) of an agent.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) when the stream breaks; [`TooLarge`](ErrorKind::TooLarge) for
    /// a command over 64 KiB.
    pub async fn attach(io: impl Io, init: &ReconnectingPtyInit) -> Result<Self> {
        let mut io: BoxedIo = Box::new(io);
        io.write_all(&init.encode()?).await.map_err(broken)?;
        io.flush().await.map_err(broken)?;
        let (output, input) = split(io);
        Ok(Self {
            output,
            input: ReconnectingPtyInput(input),
        })
    }

    /// Types bytes, whatever they are.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) when the stream breaks.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.input.send(bytes).await
    }

    /// Sets the terminal's size in characters.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) when the stream breaks.
    pub async fn resize(&mut self, height: u16, width: u16) -> Result<()> {
        self.input.resize(height, width).await
    }

    /// The two directions, to be used by two tasks.
    #[must_use]
    pub fn split(self) -> (ReadHalf<BoxedIo>, ReconnectingPtyInput) {
        (self.output, self.input)
    }
}

impl ReconnectingPtyInput {
    /// Types bytes, whatever they are.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) when the stream breaks.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        for chunk in bytes.chunks(INPUT_CHUNK) {
            self.write(&ReconnectingPtyRequest::input(chunk)).await?;
        }
        Ok(())
    }

    /// Sets the terminal's size in characters.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) when the stream breaks.
    pub async fn resize(&mut self, height: u16, width: u16) -> Result<()> {
        self.write(&ReconnectingPtyRequest::resize(height, width))
            .await
    }

    async fn write(&mut self, request: &ReconnectingPtyRequest) -> Result<()> {
        self.0.write_all(&request.encode()?).await.map_err(broken)?;
        self.0.flush().await.map_err(broken)
    }
}

impl AsyncRead for ReconnectingPty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buffer)
    }
}

impl fmt::Debug for ReconnectingPty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingPty")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReconnectingPtyInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingPtyInput")
            .finish_non_exhaustive()
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, "connection to the terminal ended").with_source(error)
}

//! Standard input and output as one connection, for `coder ssh --stdio`.

use coder_agent::tunnel::Buffered;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, Stdin, Stdout};
use tokio::net::unix::pipe;

/// Bytes that the kernel shall keep in each pipe: the more, the fewer times the two ends wait for each other.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 256 * 1024;

/// What ssh gives a ProxyCommand.
#[derive(Debug)]
pub(crate) struct Stdio {
    input: Input,
    output: Output,
}

#[derive(Debug)]
enum Input {
    Pipe(pipe::Receiver),
    Other(Stdin),
}

#[derive(Debug)]
enum Output {
    Pipe(pipe::Sender),
    Other(Stdout),
}

impl Stdio {
    /// Pipes are waited for by the runtime itself; the library's own way hands each piece to another thread, which
    /// costs more than moving it.
    pub(crate) fn open() -> Buffered<Self> {
        let input = receiver().map_or_else(|_| Input::Other(tokio::io::stdin()), Input::Pipe);
        let output = sender().map_or_else(|_| Output::Other(tokio::io::stdout()), Output::Pipe);
        Buffered::new(Self { input, output })
    }
}

/// Opened anew where it is a pipe: that it does not block is then nobody else's matter.
#[cfg(target_os = "linux")]
fn receiver() -> io::Result<pipe::Receiver> {
    let pipe = pipe::OpenOptions::new().open_receiver("/proc/self/fd/0")?;
    // Fewer bytes do as well.
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES);
    Ok(pipe)
}

#[cfg(target_os = "linux")]
fn sender() -> io::Result<pipe::Sender> {
    let pipe = pipe::OpenOptions::new().open_sender("/proc/self/fd/1")?;
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES);
    Ok(pipe)
}

#[cfg(not(target_os = "linux"))]
fn receiver() -> io::Result<pipe::Receiver> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn sender() -> io::Result<pipe::Sender> {
    Err(io::ErrorKind::Unsupported.into())
}

impl AsyncRead for Stdio {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.input {
            Input::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buffer),
            Input::Other(input) => Pin::new(input).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stdio {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.output {
            Output::Pipe(pipe) => Pin::new(pipe).poll_write(cx, bytes),
            Output::Other(output) => Pin::new(output).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.output {
            Output::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
            Output::Other(output) => Pin::new(output).poll_flush(cx),
        }
    }

    /// Nothing more comes from the other side. An SSH client has nothing to say to it either, and only the end of
    /// this process tells it, so this ends the whole.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
}

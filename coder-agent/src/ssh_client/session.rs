use bytes::BytesMut;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::client::protocol;
use super::{SessionRequest, SshClient, TerminalSize};
use crate::ssh::{Unsent, signal_number};
use crate::{Error, ErrorKind, Result};

/// Bytes read from the input at once.
const READ_CHUNK: usize = 32 * 1024;

/// The channel's type of data for standard error (RFC 4254 section 5.2).
const SSH_EXTENDED_DATA_STDERR: u32 = 1;

/// The local ends of a session's standard streams.
#[derive(Debug)]
pub struct Streams<I, O, E> {
    /// Read until its end.
    pub stdin: I,
    /// Takes what the program writes, or everything that the terminal shows.
    pub stdout: O,
    /// Takes the errors of a program without a terminal.
    pub stderr: E,
}

impl SshClient {
    /// Runs a program and returns its exit status: its own, or 128 and the number of the signal
    /// that ended it, as shells have it.
    ///
    /// The terminal, if one is asked for, follows `size`.
    ///
    /// # Errors
    /// `Refused` when the server does not run it, `Closed` when the connection ends before the
    /// program, `Internal` when a local stream cannot be written.
    pub async fn run<I, O, E>(
        &self,
        request: SessionRequest,
        streams: Streams<I, O, E>,
        size: watch::Receiver<TerminalSize>,
    ) -> Result<i32>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let mut channel = self.open_session().await?;
        start(&mut channel, request).await?;
        let (messages, writer) = channel.split();
        let Streams {
            stdin,
            stdout,
            stderr,
        } = streams;
        tokio::select! {
            status = receive(messages, stdout, stderr) => status,
            // The session is over when the program is, not when the input is.
            error = send(&writer, &self.unsent, stdin, size) => Err(error),
        }
    }
}

async fn start(channel: &mut Channel<Msg>, request: SessionRequest) -> Result<()> {
    let failed = |error| protocol("the session could not be started", error);
    for (name, value) in request.environment {
        channel.set_env(false, name, value).await.map_err(failed)?;
    }
    if request.agent_forward {
        // As with OpenSSH, a server that does not want to is no reason to fail.
        channel.agent_forward(false).await.map_err(failed)?;
    }
    if let Some(terminal) = request.terminal {
        let (columns, rows) = (
            u32::from(terminal.size.columns),
            u32::from(terminal.size.rows),
        );
        channel
            .request_pty(true, &terminal.term, columns, rows, 0, 0, &[])
            .await
            .map_err(failed)?;
        accepted(channel, "the server gives no terminal").await?;
    }
    match request.command {
        Some(command) => channel.exec(true, command).await.map_err(failed)?,
        None => channel.request_shell(true).await.map_err(failed)?,
    }
    accepted(channel, "the server does not run the command").await
}

/// Waits for the answer to a request.
async fn accepted(channel: &mut Channel<Msg>, refusal: &str) -> Result<()> {
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::Failure) => return Err(Error::new(ErrorKind::Refused, refusal)),
            Some(ChannelMsg::Close) | None => return Err(closed()),
            Some(_) => {}
        }
    }
}

/// Passes on what the program says until its channel is closed.
async fn receive(
    mut messages: ChannelReadHalf,
    mut stdout: impl AsyncWrite + Unpin,
    mut stderr: impl AsyncWrite + Unpin,
) -> Result<i32> {
    let mut status = None;
    loop {
        match messages.wait().await {
            Some(ChannelMsg::Data { data }) => write(&mut stdout, &data).await?,
            Some(ChannelMsg::ExtendedData {
                data,
                ext: SSH_EXTENDED_DATA_STDERR,
            }) => {
                write(&mut stderr, &data).await?;
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                status = Some(i32::try_from(exit_status).unwrap_or(255));
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                status = Some(signal_number(&signal_name).map_or(255, |number| 128 + number));
            }
            Some(ChannelMsg::Close) | None => return status.ok_or_else(closed),
            Some(_) => {}
        }
    }
}

async fn write(target: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<()> {
    let failed =
        |error| Error::new(ErrorKind::Internal, "the output cannot be written").with_source(error);
    target.write_all(bytes).await.map_err(failed)?;
    target.flush().await.map_err(failed)
}

/// Sends the input and the terminal's sizes; returns only when that is impossible.
async fn send(
    writer: &ChannelWriteHalf<Msg>,
    unsent: &Unsent,
    mut stdin: impl AsyncRead + Unpin,
    mut size: watch::Receiver<TerminalSize>,
) -> Error {
    let input = async {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(READ_CHUNK);
            match stdin.read_buf(&mut buffer).await {
                // Input that cannot be read has ended.
                Ok(0) | Err(_) => return writer.eof().await,
                Ok(_) => {
                    unsent.room().await;
                    writer.data_bytes(buffer.split()).await?;
                }
            }
        }
    };
    let resizes = async {
        while size.changed().await.is_ok() {
            let TerminalSize { columns, rows } = *size.borrow_and_update();
            writer
                .window_change(u32::from(columns), u32::from(rows), 0, 0)
                .await?;
        }
        Ok::<(), russh::Error>(())
    };
    match tokio::try_join!(input, resizes) {
        Ok(_) => std::future::pending().await,
        // The receiving side says better why the connection ended.
        Err(_closed) => {
            tokio::task::yield_now().await;
            closed()
        }
    }
}

fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the SSH session ended without an exit status",
    )
}

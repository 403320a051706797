use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::platform::sockets::UnixStream;
use crate::ssh::output::Stream;
use crate::ssh::registry::ServedChannel;

/// A stream of the workspace's end.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Interactive protocols go through here; a socket that takes no options works too.
    pub(super) fn tcp(stream: TcpStream) -> Self {
        drop(stream.set_nodelay(true));
        Self::Tcp(stream)
    }

    /// Passes bytes both ways until both directions have ended.
    pub(super) async fn splice(self, channel: ServedChannel) {
        match self {
            Self::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                splice(channel, reader, writer).await;
            }
            Self::Unix(stream) => {
                let (reader, writer) = stream.into_split();
                splice(channel, reader, writer).await;
            }
        }
    }
}

async fn splice(
    channel: ServedChannel,
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
) {
    let ServedChannel {
        input,
        output,
        closed,
        left,
        registration: _registration,
        control: _,
    } = channel;
    let copy = async {
        output.copy_from(Stream::Stdout, reader).await?;
        output.end().await
    };
    // A client that has closed the channel takes nothing any more. What it has sent before is
    // passed on, however late it is read.
    let down = async { left.run_until_cancelled(copy).await.unwrap_or(Ok(())) };
    let up = async {
        input.copy_into(writer).await;
        Ok(())
    };
    tokio::select! {
        _ = async { tokio::try_join!(down, up) } => {}
        () = closed.cancelled() => {
            output.abandon().await;
            return;
        }
    }
    // The connection is over if this fails.
    drop(output.close_second().await);
}

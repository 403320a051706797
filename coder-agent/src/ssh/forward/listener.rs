use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::splice::Socket;
use super::{Opener, Origin};
use crate::platform::sockets::{SocketFile, UnixListener};
use crate::ssh::private_folder::PrivateFolder;

/// How long nothing is accepted after that has failed, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Sockets of the workspace whose streams go to the client.
#[derive(Debug)]
pub(in crate::ssh) enum Listener {
    /// The same port of one or two addresses.
    Tcp(Vec<TcpListener>),
    /// The file is removed with its listener, and then the folder it has of its own.
    Unix {
        listener: UnixListener,
        _file: SocketFile,
        _folder: Option<PrivateFolder>,
    },
}

impl Listener {
    async fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listeners) if listeners.is_empty() => std::future::pending().await,
            Self::Tcp(listeners) => {
                let accepting = listeners.iter().map(|listener| Box::pin(listener.accept()));
                let (accepted, _, _) = select_all(accepting).await;
                let (stream, peer) = accepted?;
                Ok((Socket::tcp(stream), Some(peer)))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), None))
            }
        }
    }
}

/// Passes what connects to `listener` on to the client, each stream in a task of its own, until
/// `ended` or the connection is. Streams that are open then go on.
pub(super) async fn serve(
    listener: Listener,
    origin: Origin,
    opener: Opener,
    tasks: TaskTracker,
    ended: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended.cancelled() => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                let once = matches!(origin, Origin::X11 { once: true });
                let (opener, origin) = (opener.clone(), origin.clone());
                tasks.spawn(async move { pass_on(socket, &origin, peer, &opener).await });
                if once {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, ?origin, "a forwarded stream could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn pass_on(socket: Socket, origin: &Origin, peer: Option<SocketAddr>, opener: &Opener) {
    let channel = tokio::select! {
        channel = opener.open(origin, peer) => channel,
        () = opener.ended().cancelled_owned() => None,
    };
    if let Some(channel) = channel {
        socket.splice(channel).await;
    }
}

use std::io;
use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs, UnixStream};

use super::{RemoteListener, SshClient, SshStream};

/// Streams of one forward at a time; more wait.
const MAX_STREAMS: usize = 512;

/// Bytes moved at once.
const COPY_BUFFER: usize = 32 * 1024;

impl SshClient {
    /// Passes what connects to `listener` on to an address that can be reached from the workspace
    /// (`ssh -L`), until the listener fails. To be dropped when the connection ends.
    ///
    /// # Errors
    /// That of the listener.
    pub async fn forward(
        &self,
        listener: &TcpListener,
        host: &str,
        port: u16,
    ) -> io::Result<std::convert::Infallible> {
        let mut streams = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if streams.len() < MAX_STREAMS => {
                    let (local, _) = accepted?;
                    streams.push(async move {
                        // A stream that cannot be opened is closed: that is all its user can be told.
                        if let Ok(remote) = self.dial(host, port).await {
                            drop(local.set_nodelay(true));
                            splice(remote, local).await;
                        }
                    });
                }
                Some(()) = streams.next() => {}
            }
        }
    }
}

impl RemoteListener {
    /// Passes what connects in the workspace on to an address of this machine (`ssh -R`), until
    /// the connection ends.
    pub async fn forward_to(&mut self, target: impl ToSocketAddrs) {
        let target = &target;
        let connect = || async move {
            let local = TcpStream::connect(target).await?;
            drop(local.set_nodelay(true));
            Ok(local)
        };
        self.pass_on(connect).await;
    }

    /// The same for a Unix socket of this machine.
    pub async fn forward_to_unix(&mut self, path: &Path) {
        self.pass_on(|| UnixStream::connect(path)).await;
    }

    async fn pass_on<S, F>(&mut self, connect: impl Fn() -> F)
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = io::Result<S>>,
    {
        let mut streams = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.accept(), if streams.len() < MAX_STREAMS => {
                    let Some(remote) = accepted else { return };
                    let connecting = connect();
                    streams.push(async move {
                        if let Ok(local) = connecting.await {
                            splice(remote, local).await;
                        }
                    });
                }
                Some(()) = streams.next() => {}
            }
        }
    }
}

async fn splice(mut remote: SshStream, mut local: impl AsyncRead + AsyncWrite + Unpin) {
    // Either end may break at any time; both are closed then.
    let copied =
        copy_bidirectional_with_sizes(&mut remote, &mut local, COPY_BUFFER, COPY_BUFFER).await;
    drop(copied);
}

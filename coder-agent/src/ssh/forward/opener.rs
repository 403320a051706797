use std::net::SocketAddr;

use russh::Channel;
use russh::server::{Handle, Msg};
use tokio_util::sync::CancellationToken;

use crate::ssh::registry::{Registry, ServedChannel};

/// Opens channels towards the client of a connection.
#[derive(Clone)]
pub(in crate::ssh) struct Opener {
    handle: Handle,
    registry: Registry,
}

/// What a channel towards the client is for.
#[derive(Clone, Debug)]
pub(in crate::ssh) enum Origin {
    /// A port that the client asked to have forwarded, named as it did.
    Tcp { address: String, port: u16 },
    /// A socket that the client asked to have forwarded, named as it did.
    Unix { path: String },
    /// The client's SSH agent.
    Agent,
    /// The client's X11 display.
    X11 {
        /// Whether there is to be one connection only.
        once: bool,
    },
}

impl Opener {
    pub(in crate::ssh) const fn new(handle: Handle, registry: Registry) -> Self {
        Self { handle, registry }
    }

    /// A token that ends with the connection, or by itself.
    pub(super) fn ended(&self) -> CancellationToken {
        self.registry.connection().child_token()
    }

    /// Opens a channel; `None` if there are too many, or the client does not want it.
    ///
    /// `peer` is who has connected here. A client that does not answer keeps this waiting until
    /// its connection ends; such channels count like open ones.
    pub(super) async fn open(
        &self,
        origin: &Origin,
        peer: Option<SocketAddr>,
    ) -> Option<ServedChannel> {
        let opening = self.registry.expect_channel()?;
        let channel = match self.ask(origin, peer).await {
            Ok(channel) => channel,
            Err(error) => {
                tracing::debug!(%error, ?origin, "the SSH client does not take a forwarded stream");
                return None;
            }
        };
        let (_, writer) = channel.split();
        self.registry
            .take_confirmed(opening, writer, self.handle.clone())
    }

    async fn ask(
        &self,
        origin: &Origin,
        peer: Option<SocketAddr>,
    ) -> Result<Channel<Msg>, russh::Error> {
        let (peer, peer_port) = match peer {
            Some(peer) => (peer.ip().to_string(), u32::from(peer.port())),
            None => (String::new(), 0),
        };
        match origin {
            Origin::Tcp { address, port } => {
                self.handle
                    .channel_open_forwarded_tcpip(address, u32::from(*port), peer, peer_port)
                    .await
            }
            Origin::Unix { path } => self.handle.channel_open_forwarded_streamlocal(path).await,
            Origin::Agent => self.handle.channel_open_agent().await,
            Origin::X11 { .. } => self.handle.channel_open_x11(peer, peer_port).await,
        }
    }
}

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use russh::ChannelOpenFailure;
use russh::server::ChannelOpenHandle;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::splice::Socket;
use crate::platform::sockets;
use crate::ssh::limits::CONNECT_TIMEOUT;
use crate::ssh::registry::ServedChannel;

/// The longest name of a host (RFC 1035), or an address.
const MAX_HOST_BYTES: usize = 255;

/// Where a client wants a stream to lead; anything that can be reached from the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ssh) enum Target {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Target {
    /// `None` for what cannot be an address.
    pub(in crate::ssh) fn tcp(host: &str, port: u32) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        let usable = !host.is_empty()
            && host.len() <= MAX_HOST_BYTES
            && !host
                .bytes()
                .any(|byte| byte.is_ascii_control() || byte == b' ');
        usable.then(|| Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }

    /// A socket; a relative path begins at `home`. `None` for no path.
    pub(in crate::ssh) fn unix(home: &Path, path: &str) -> Option<Self> {
        (!path.is_empty()).then(|| Self::Unix(home.join(path)))
    }

    async fn connect(&self) -> io::Result<Socket> {
        match self {
            // Known without a name service too, which an image need not have.
            Self::Tcp { host, port } if host == "localhost" => {
                let here = [
                    IpAddr::from(Ipv4Addr::LOCALHOST),
                    Ipv6Addr::LOCALHOST.into(),
                ];
                let here = here.map(|address| SocketAddr::new(address, *port));
                Ok(Socket::tcp(TcpStream::connect(&here[..]).await?))
            }
            Self::Tcp { host, port } => {
                Ok(Socket::tcp(TcpStream::connect((&**host, *port)).await?))
            }
            Self::Unix(path) => Ok(Socket::Unix(sockets::connect(path).await?)),
        }
    }
}

/// Connects, answers the client, and passes bytes both ways until both directions have ended.
pub(in crate::ssh) async fn run(target: Target, channel: ServedChannel, reply: ChannelOpenHandle) {
    let connected = tokio::select! {
        connected = timeout(CONNECT_TIMEOUT, target.connect()) => connected,
        () = channel.left.cancelled() => return,
    };
    match connected.unwrap_or_else(|late| Err(late.into())) {
        Ok(socket) => {
            reply.accept().await;
            socket.splice(channel).await;
        }
        Err(error) => {
            tracing::debug!(?target, %error, "a forwarded stream was refused");
            drop(channel);
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        assert!(Target::tcp("localhost", 8080).is_some());
        assert!(Target::tcp("::1", 65535).is_some());
        for (host, port) in [("", 80), ("a b", 80), ("a\nb", 80), ("a", 0), ("a", 65536)] {
            assert_eq!(Target::tcp(host, port), None, "{host} {port}");
        }
        assert_eq!(Target::tcp(&"a".repeat(256), 80), None);
    }
}

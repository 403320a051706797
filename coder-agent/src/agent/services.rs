//! What the streams of the tunnel reach.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::Connections;
use super::udp;
use crate::devcontainers::Devcontainers;
use crate::http_api::HttpApi;
use crate::protocol::ConnectionType;
use crate::reconnecting_pty::ReconnectingPtyServer;
use crate::speedtest::SpeedtestServer;
use crate::ssh::SshServer;
use crate::traffic::{Moved, Traffic};
use crate::tunnel::frame::{OpenRequest, OpenStatus};
use crate::tunnel::{Buffered, IncomingStream, MAX_STREAMS, TunnelAcceptor, port, splice};
use crate::{Error, Result};

/// How long connecting inside the workspace may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The services of an agent, behind the [`port`]s of its tunnel.
#[derive(Debug)]
pub(super) struct Services {
    ssh: SshServer,
    terminals: ReconnectingPtyServer,
    speedtest: SpeedtestServer,
    http_api: HttpApi,
    streams: Semaphore,
    tasks: TaskTracker,
    pub(super) connections: Connections,
    pub(super) forwards: Count,
    /// Of all but SSH, which counts for itself.
    traffic: Traffic,
}

/// How many of something are open.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicI64);

struct Counted<'a>(&'a Count);

impl Services {
    pub(super) fn new(
        ssh: SshServer,
        connections: Connections,
        own_ports: BTreeSet<u16>,
        devcontainers: Devcontainers,
    ) -> Self {
        Self {
            terminals: ReconnectingPtyServer::new(ssh.clone()),
            speedtest: SpeedtestServer::default(),
            http_api: HttpApi::new(own_ports).with_devcontainers(devcontainers),
            ssh,
            streams: Semaphore::new(MAX_STREAMS),
            tasks: TaskTracker::new(),
            connections,
            forwards: Count::default(),
            traffic: Traffic::default(),
        }
    }

    pub(super) const fn ssh(&self) -> &SshServer {
        &self.ssh
    }

    /// What clients have moved since the start: no handshakes and keep-alives, so that an open
    /// connection that nobody uses adds nothing.
    pub(super) fn moved(&self) -> Moved {
        self.traffic.totals() + self.ssh.moved()
    }

    /// Ends all sessions and terminals, and waits for that.
    pub(super) async fn close(&self) {
        tokio::join!(self.ssh.close(), self.terminals.close());
    }

    /// Serves the streams of a tunnel until it ends, and tells why.
    pub(super) async fn serve(self: &Arc<Self>, tunnel: &mut TunnelAcceptor) -> Error {
        // Streams live no longer than their tunnel.
        let ended = CancellationToken::new();
        let _end = ended.clone().drop_guard();
        loop {
            let incoming = match tunnel.accept().await {
                Ok(incoming) => incoming,
                Err(error) => return error,
            };
            let (services, ended) = (Arc::clone(self), ended.child_token());
            self.tasks.spawn(async move {
                if let Err(error) = services.handle(incoming, ended).await {
                    tracing::debug!(%error, "stream ended");
                }
            });
        }
    }

    async fn handle(&self, incoming: IncomingStream, ended: CancellationToken) -> Result<()> {
        let Some((request, stream)) = incoming.any_request().await? else {
            return Ok(());
        };
        let Ok(_permit) = self.streams.try_acquire() else {
            return stream.refuse(OpenStatus::Busy, "").await;
        };
        let port = match request {
            OpenRequest::Tcp(port) => port,
            OpenRequest::Udp(port @ port::FIRST_WORKSPACE_PORT..) => {
                return self.datagrams(port, stream, ended).await;
            }
            OpenRequest::Udp(_) | OpenRequest::Ping | OpenRequest::Move => {
                return stream.refuse(OpenStatus::Unsupported, "").await;
            }
        };
        match port {
            port::SSH | port::STANDARD_SSH => {
                let stream = stream.accept().await?;
                let (known, client) = watch::channel(None);
                let open = self.connections.begin_untold(ConnectionType::Ssh);
                let served = self.ssh.serve_telling(stream, ended, known);
                open.until_known(served, client).await
            }
            port::RECONNECTING_PTY => {
                let stream = self.traffic.meter(stream.accept().await?);
                let open = self.connections.begin(ConnectionType::ReconnectingPty);
                open.until(self.terminals.serve(stream, ended)).await
            }
            port::SPEEDTEST => {
                let stream = stream.accept().await?;
                tokio::select! {
                    tested = self.speedtest.serve(stream) => tested,
                    () = ended.cancelled() => Ok(()),
                }
            }
            port::HTTP_API => {
                let stream = stream.accept().await?;
                self.http_api.serve(stream, ended).await;
                Ok(())
            }
            0..port::FIRST_WORKSPACE_PORT => {
                let reason = format!("port {port} of the agent is not offered by this version");
                stream.refuse(OpenStatus::Unsupported, &reason).await
            }
            port => match dial(port).await {
                Ok(target) => {
                    let stream = self.traffic.meter(stream.accept().await?);
                    let _counted = self.forwards.add();
                    tokio::select! {
                        // Either end may break at any time; both are closed then.
                        _ = splice(stream, Buffered::new(target)) => {}
                        () = ended.cancelled() => {}
                    }
                    Ok(())
                }
                Err(error) => {
                    let reason = format!("port {port} in the workspace: {error}");
                    stream.refuse(refusal(&error), &reason).await
                }
            },
        }
    }

    async fn datagrams(
        &self,
        port: u16,
        stream: IncomingStream,
        ended: CancellationToken,
    ) -> Result<()> {
        let socket = match udp::dial(port).await {
            Ok(socket) => socket,
            Err(error) => {
                let reason = format!("UDP port {port} in the workspace: {error}");
                return stream.refuse(OpenStatus::Failed, &reason).await;
            }
        };
        let stream = self.traffic.meter(stream.accept().await?);
        let _counted = self.forwards.add();
        tokio::select! {
            () = udp::splice(stream, socket) => {}
            () = ended.cancelled() => {}
        }
        Ok(())
    }
}

impl Count {
    pub(super) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) -> Counted<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connects to the workspace itself: by address, since a name service may be missing.
async fn dial(port: u16) -> io::Result<TcpStream> {
    let hosts = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let mut first_error = None;
    for host in hosts {
        let connect = TcpStream::connect(SocketAddr::new(host, port));
        match timeout(DIAL_TIMEOUT, connect)
            .await
            .unwrap_or_else(|late| Err(late.into()))
        {
            Ok(stream) if is_own(&stream) => first_error.get_or_insert(refused()),
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => first_error.get_or_insert(error),
        };
    }
    Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

/// Whether a connection leads to itself, which happens when nothing listens on a port that the
/// system then chooses for the near end.
fn is_own(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(near), Ok(far)) if near == far)
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

fn refusal(error: &io::Error) -> OpenStatus {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => OpenStatus::Refused,
        io::ErrorKind::TimedOut => OpenStatus::TimedOut,
        _ => OpenStatus::Failed,
    }
}

//! Binds everything, then forwards until Ctrl-C or the end of the workspace.

use super::{
    complaints::Complaints,
    spec::{Forward, parse},
    tcp, udp,
};
use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{error_line, printable},
    reach::{Reached, Wait, Wish, gone, reach, tunnel},
    workspace::WorkspaceName,
};
use coder_agent::tunnel::{AgentTunnel, TunnelStream};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UdpSocket},
    signal::unix::{SignalKind, signal},
    sync::{Mutex, Semaphore},
    task::JoinSet,
};

/// Streams at once, of all ports: what an agent serves.
const MAX_STREAMS: usize = coder_agent::tunnel::MAX_STREAMS;
/// How often to look whether the workspace is still there.
const LOOK: Duration = Duration::from_secs(30);

/// Flags of `coder port-forward`.
#[derive(clap::Args)]
pub(crate) struct PortForwardArgs {
    /// The workspace, `workspace.agent` where there are several agents.
    workspace: String,
    /// TCP ports: `8080`, `local:remote`, ranges, with an address in front at will; several by commas.
    #[arg(
        short = 'p',
        long,
        env = "CODER_PORT_FORWARD_TCP",
        value_name = "PORTS"
    )]
    tcp: Vec<String>,
    /// UDP ports, written in the same way.
    #[arg(long, env = "CODER_PORT_FORWARD_UDP", value_name = "PORTS")]
    udp: Vec<String>,
    /// Do not start a stopped workspace.
    #[arg(long, env = "CODER_SSH_DISABLE_AUTOSTART")]
    disable_autostart: bool,
}

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// A stream of bytes.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What opens streams to the workspace.
pub(super) struct Target {
    client: Client,
    reached: Reached,
    /// The connection that all streams share, so that the server asks who it is once. A new one is made when it
    /// has ended, such as by a restart of the server.
    tunnel: Mutex<Option<AgentTunnel>>,
    pub(super) complaints: Complaints,
    pub(super) streams: Semaphore,
}

enum Bound {
    Tcp(TcpListener, u16),
    Udp(UdpSocket, u16),
}

/// Forwards until Ctrl-C.
pub(crate) async fn run(global: &GlobalArgs, args: PortForwardArgs) -> CliResult {
    let wanted = wanted(&args)?;
    let name = WorkspaceName::parse(&args.workspace)?;
    let client = Client::signed_in(global)?;
    // What this machine refuses is known before a workspace is started for it.
    let mut bound = Vec::new();
    for (network, forward) in wanted {
        bound.push(bind(network, forward).await?);
    }
    let wish = Wish {
        autostart: !args.disable_autostart,
        wait: Wait::No,
    };
    let reached = reach(&client, &name, wish).await?;
    let target = Arc::new(Target {
        client,
        reached,
        tunnel: Mutex::default(),
        complaints: Complaints::default(),
        streams: Semaphore::new(MAX_STREAMS),
    });
    let mut tasks = JoinSet::new();
    for bound in bound {
        error_line(&bound.announcement(&target.reached)?);
        tasks.spawn(bound.serve(Arc::clone(&target)));
    }
    error_line("Ready, Ctrl-C ends it.");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        fate = gone(&target.client, &target.reached, LOOK) => {
            let start = format!("Start it with: coder start {}", target.reached.workspace.full_name());
            Err(CliError::new(fate).hint(start))
        }
        Some(ended) = tasks.join_next() => {
            let error = match ended {
                Ok(error) => CliError::from(error),
                Err(died) => CliError::new("forwarding failed").caused_by(died),
            };
            Err(error)
        }
    }
}

fn wanted(args: &PortForwardArgs) -> CliResult<Vec<(Network, Forward)>> {
    let mut wanted = Vec::new();
    for (network, texts) in [(Network::Tcp, &args.tcp), (Network::Udp, &args.udp)] {
        for text in texts {
            wanted.extend(parse(text)?.into_iter().map(|forward| (network, forward)));
        }
    }
    if wanted.is_empty() {
        return Err(CliError::new("no ports are named")
            .hint("Pass --tcp or --udp, such as --tcp 8080 or --tcp 8080:80."));
    }
    Ok(wanted)
}

async fn bind(network: Network, forward: Forward) -> CliResult<Bound> {
    let bound = match network {
        Network::Tcp => TcpListener::bind(forward.local)
            .await
            .map(|listener| Bound::Tcp(listener, forward.remote)),
        Network::Udp => UdpSocket::bind(forward.local)
            .await
            .map(|socket| Bound::Udp(socket, forward.remote)),
    };
    bound.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => Some(format!(
                "Something else uses it. Choose another one: --{} <port>:{}",
                network.as_str(),
                forward.remote
            )),
            io::ErrorKind::PermissionDenied => Some(format!(
                "Ports below 1024 may need root. Choose another one: --{} <port>:{}",
                network.as_str(),
                forward.remote
            )),
            _ => None,
        };
        let message = format!(
            "{} port {} of this machine cannot be used",
            network.as_str().to_uppercase(),
            forward.local
        );
        let failed = CliError::new(message).caused_by(error);
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    })
}

impl Bound {
    fn announcement(&self, reached: &Reached) -> io::Result<String> {
        let name = printable(&reached.workspace.full_name());
        Ok(match self {
            Self::Tcp(listener, port) => {
                let local = listener.local_addr()?;
                format!("Forwarding TCP {local} to port {port} of {name}")
            }
            Self::Udp(socket, port) => {
                let local = socket.local_addr()?;
                format!("Forwarding UDP {local} to port {port} of {name}")
            }
        })
    }

    /// Returns only when the local port cannot be used any more.
    async fn serve(self, target: Arc<Target>) -> io::Error {
        match self {
            Self::Tcp(listener, port) => tcp::serve(listener, port, target).await,
            Self::Udp(socket, port) => {
                let dial = move || {
                    let target = Arc::clone(&target);
                    async move { target.dial(Network::Udp, port).await }
                };
                udp::serve(socket, dial).await
            }
        }
    }
}

impl Network {
    /// As it is written in flags.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl Target {
    async fn open(&self, network: Network, port: u16) -> coder_agent::Result<TunnelStream> {
        let tunnel = self.tunnel().await?;
        match network {
            Network::Tcp => tunnel.open(port).await,
            Network::Udp => tunnel.open_udp(port).await,
        }
    }

    async fn tunnel(&self) -> coder_agent::Result<AgentTunnel> {
        let mut place = self.tunnel.lock().await;
        if let Some(tunnel) = place.as_ref().filter(|tunnel| !tunnel.is_closed()) {
            return Ok(tunnel.clone());
        }
        let new = tunnel(&self.client, &self.reached.agent).await?;
        Ok(place.insert(new).clone())
    }

    /// Opens a stream, or says why it cannot be.
    pub(super) async fn dial(&self, network: Network, port: u16) -> Option<TunnelStream> {
        match self.open(network, port).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.complaints.warn(&format!(
                    "{} port {port} of {}: {error}",
                    network.as_str().to_uppercase(),
                    self.reached.workspace.full_name()
                ));
                None
            }
        }
    }
}

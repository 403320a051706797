//! Streams to an agent.

use crate::cli::{client::Client, types::Agent};
use coder_agent::tunnel::{BoxedIo, ws};
use reqwest::Method;

/// Bytes from and to an agent. They leave when flushed; the stream pings by itself while it is read.
pub(crate) type AgentStream = ws::WsIo<BoxedIo>;

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// A stream of bytes.
    Tcp,
    /// Datagrams, see [`coder_agent::tunnel::datagram`].
    Udp,
}

impl Network {
    /// As it is written in addresses.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Opens a stream to a port of an agent.
///
/// # Errors
/// What the server, the agent or the workspace answered; see [`ws::connect`].
pub(crate) async fn dial(
    client: &Client,
    agent: &Agent,
    network: Network,
    port: u16,
) -> coder_agent::Result<AgentStream> {
    // The server reads TCP where nothing is said, as versions did that know nothing else.
    let network = match network {
        Network::Tcp => "",
        Network::Udp => "&network=udp",
    };
    let path = format!(
        "api/v2/workspaceagents/{}/connect?port={port}{network}",
        agent.id
    );
    let request = client.request(Method::GET, &path);
    let request = request.map_err(|error| {
        coder_agent::Error::new(coder_agent::ErrorKind::Internal, error.to_string())
    })?;
    let stream = ws::connect(request).await?;
    Ok(stream.with_keep_alive(ws::KEEP_ALIVE_INTERVAL))
}

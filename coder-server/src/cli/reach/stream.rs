//! Streams to an agent.

use crate::cli::{client::Client, types::Agent};
use coder_agent::{
    Error, ErrorKind, Result,
    tunnel::{AgentTunnel, BoxedIo, ws},
};
use reqwest::{Method, RequestBuilder};

/// Bytes from and to an agent. They leave when flushed; the stream pings by itself while it is read.
pub(crate) type AgentStream = ws::WsIo<BoxedIo>;

/// Opens a stream to a port of an agent, by a WebSocket of its own.
///
/// # Errors
/// What the server, the agent or the workspace answered; see [`ws::connect`].
pub(crate) async fn dial(client: &Client, agent: &Agent, port: u16) -> Result<AgentStream> {
    let stream = ws::connect(request(client, agent, &format!("?port={port}"))?).await?;
    Ok(stream.with_keep_alive(ws::KEEP_ALIVE_INTERVAL))
}

/// Opens one WebSocket for many streams.
///
/// # Errors
/// What the server answered; see [`ws::connect`].
pub(crate) async fn tunnel(client: &Client, agent: &Agent) -> Result<AgentTunnel> {
    let connection = ws::connect(request(client, agent, "")?).await?;
    Ok(AgentTunnel::new(connection))
}

fn request(client: &Client, agent: &Agent, query: &str) -> Result<RequestBuilder> {
    let path = format!("api/v2/workspaceagents/{}/connect{query}", agent.id);
    let request = client.request(Method::GET, &path);
    request.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

//! Streams to an agent, all inside one connection that the agent opened.
//!
//! ```text
//!  agent                                server                               client
//!  TunnelAcceptor ── GET …/me/tunnel ─→ AgentTunnel
//!                    WebSocket, yamux        │  ←── GET …/{agent}/connect?port=N ── AgentConn
//!  service of port N ←── one stream ─────────┴───── spliced ────────────────────→
//! ```
//!
//! The agent opens one outgoing [WebSocket](ws); inside it [yamux](https://github.com/hashicorp/yamux/blob/master/spec.md)
//! carries streams that only the server opens, each beginning with the header of [`frame`]. The
//! stream's [`port`] says which service of the agent it reaches. The server opens a stream to
//! ping every [`PING_INTERVAL`]; each side gives the connection up when it has heard nothing for
//! a while, so that a silent loss of the network is noticed by both.
//!
//! A client opens one WebSocket per stream and the server splices the two: binary messages carry
//! the bytes as they are, an empty one ends its direction.

mod acceptor;
mod activity;
mod agent_tunnel;
pub mod datagram;
pub mod frame;
mod mux;
pub mod port;
mod stream;
pub mod ws;

pub use acceptor::{IncomingStream, TunnelAcceptor};
pub use agent_tunnel::{AgentTunnel, Heartbeat};
pub use stream::TunnelStream;

use std::time::Duration;

/// How often the server pings an agent.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);

/// How long the server hears nothing before it gives an agent up: two pings lost.
pub const INACTIVE_AFTER: Duration = Duration::from_secs(30);

/// How long an agent hears nothing before it gives the server up: three pings lost.
pub const SERVER_SILENT_AFTER: Duration = Duration::from_secs(45);

/// How long the agent may take to answer a request to open a stream.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// How many streams to one agent may be open at once.
pub const MAX_STREAMS: usize = 200;

/// How many requests to open a stream may wait for the agent's answer at once.
pub const MAX_PENDING_OPENS: usize = 32;

/// Any connection that a tunnel can run over: a socket, an upgraded HTTP connection, a pipe.
pub trait Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static> Io for T {}

/// A connection of any type.
pub type BoxedIo = Box<dyn Io>;

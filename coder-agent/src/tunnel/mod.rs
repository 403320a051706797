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
//!
//! A stream that moves much is taken out of yamux: the server asks the agent over the tunnel to dial a
//! WebSocket for it, `GET …/me/stream`, and the stream goes on there ([`StreamDialer`]).

mod acceptor;
mod activity;
mod agent_tunnel;
pub mod datagram;
mod elastic;
pub mod frame;
mod moves;
mod moving;
mod mux;
pub mod port;
mod slot;
mod splice;
mod stream;
pub mod ws;

pub use acceptor::{IncomingStream, TunnelAcceptor};
pub use agent_tunnel::{AgentTunnel, Heartbeat};
pub use elastic::Buffered;
#[cfg(feature = "agent")]
pub(crate) use elastic::ReadBuffer;
pub use moves::{ExpectedStream, StreamDialer};
pub use splice::splice;
pub use stream::TunnelStream;

use std::time::Duration;

/// How often the server pings an agent.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long the server hears nothing before it gives an agent up: three pings lost.
pub const INACTIVE_AFTER: Duration = Duration::from_secs(30);

/// How long an agent hears nothing before it gives the server up: two pings lost, and nearly the third.
pub const SERVER_SILENT_AFTER: Duration = Duration::from_secs(29);

/// How long the agent may take to answer a request to open a stream.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// How many streams to one agent may be open at once. Pages of web apps open a few dozen each, and
/// what waits to be read of one stream may take 256 KiB.
pub const MAX_STREAMS: usize = 1000;

/// How many bytes a stream moves before it is asked to move to a connection of its own. Until then
/// a second connection would cost more than it brings.
pub const MOVE_AFTER_BYTES: usize = 4 * 1024 * 1024;

/// How many requests to open a stream may wait for the agent's answer at once.
pub const MAX_PENDING_OPENS: usize = 32;

/// Any connection that a tunnel can run over: a socket, an upgraded HTTP connection, a pipe.
pub trait Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static> Io for T {}

/// A connection of any type.
pub type BoxedIo = Box<dyn Io>;

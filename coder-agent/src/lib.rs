//! The workspace agent: what it says to the server, the tunnel to it, and the agent itself.
//!
//! An agent runs inside each workspace. It opens connections to the server only, never the other
//! way round, so that it works behind NAT, an HTTP proxy, or a load balancer that ends TLS. There
//! are two kinds of them:
//!
//! * **Calls** ([`protocol`], [`AgentApi`]): plain HTTP with JSON. The agent fetches its
//!   [`Manifest`](protocol::Manifest) and reports states, log lines, metadata, script results and
//!   health of apps. [`AgentClient`] is the agent's side; a server implements [`AgentApi`] over
//!   its own services.
//! * **The tunnel** ([`tunnel`]): one WebSocket with yamux inside, through which the server opens
//!   streams to services of the agent, such as SSH or a port of the workspace. The server holds
//!   an [`AgentTunnel`](tunnel::AgentTunnel); a user's client reaches it by [`AgentConn`].
//!   Beside SSH the agent serves terminals that outlive their connection ([`reconnecting_pty`]),
//!   speed tests ([`speedtest`]) and an API of its own ([`http_api`]) there.
//!
//! # Features
//!
//! Without features the crate is what servers and clients need. `agent` adds the agent itself
//! (`agent`, `ssh`, `stat`, `cli`, the binary `coder-agent`, and on Unix `ssh_client`), `testing` a fake of the
//! server and `agent_api_conformance!`, which every implementation of [`AgentApi`] runs.
//!
//! # Example
//!
//! Both ends of a tunnel in one process; a real server gets its end from the upgraded connection
//! of `GET /api/v2/workspaceagents/me/tunnel`.
//!
//! ```
//! use coder_agent::tunnel::frame::OpenStatus;
//! use coder_agent::tunnel::{AgentTunnel, TunnelAcceptor};
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (server_end, agent_end) = duplex(64 * 1024);
//!
//! // The agent: port 8080 says hello, nothing else is there.
//! let mut acceptor = TunnelAcceptor::new(agent_end);
//! tokio::spawn(async move {
//!     while let Ok(incoming) = acceptor.accept().await {
//!         tokio::spawn(async move {
//!             match incoming.request().await? {
//!                 Some((8080, stream)) => {
//!                     let mut stream = stream.accept().await?;
//!                     let _ = stream.write_all(b"hello").await;
//!                     let _ = stream.shutdown().await;
//!                 }
//!                 Some((_, stream)) => stream.refuse(OpenStatus::Refused, "").await?,
//!                 None => {} // a ping, answered already
//!             }
//!             Ok::<_, coder_agent::Error>(())
//!         });
//!     }
//! });
//!
//! // The server.
//! let tunnel = AgentTunnel::new(server_end);
//! let mut stream = tunnel.open(8080).await?;
//! let mut said = String::new();
//! stream.read_to_string(&mut said).await?;
//! assert_eq!(said, "hello");
//! assert!(tunnel.open(9090).await.is_err());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "agent")]
pub mod agent;
mod api;
#[cfg(feature = "agent")]
mod backoff;
#[cfg(feature = "agent")]
pub mod cli;
mod client;
#[cfg(feature = "agent")]
pub mod devcontainers;
mod error;
#[cfg(feature = "agent")]
pub mod git;
pub mod headers;
pub mod http_api;
mod http_client;
pub mod init_script;
pub mod instance_identity;
#[cfg(feature = "agent")]
mod platform;
#[cfg(feature = "agent")]
mod port_scan;
pub mod protocol;
pub mod reconnecting_pty;
#[cfg(feature = "agent")]
mod script;
mod session_token;
pub mod speedtest;
#[cfg(feature = "agent")]
pub mod ssh;
#[cfg(all(feature = "agent", unix))]
pub mod ssh_client;
#[cfg(feature = "agent")]
pub mod stat;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "agent")]
mod traffic;
pub mod tunnel;

#[cfg(feature = "agent")]
pub use agent::{Agent, AgentOptions, TunnelDialer};
pub use api::AgentApi;
pub use client::{AgentClient, AgentConn};
pub use error::{Error, ErrorKind, Result};
pub use session_token::SessionToken;

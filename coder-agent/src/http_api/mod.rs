//! The agent's own HTTP API, on port [`HTTP_API`](crate::tunnel::port::HTTP_API) of its tunnel.
//!
//! Each call is HTTP/1.1 over a stream of its own; answers are JSON, refusals an
//! [`ErrorResponse`].
//!
//! | call | answer |
//! |---|---|
//! | `GET /api/v0/listening-ports` | [`ListeningPortsResponse`] |
//! | `GET /api/v0/containers` | [`ListContainersResponse`](crate::protocol::ListContainersResponse) |
//! | `POST /api/v0/containers/devcontainers/{id}/recreate` | 202; 404 for an unknown one, 409 when that cannot be done now |
//!
//! Who may open the stream may call everything: servers and clients ask their own users' rights
//! first. A new call is a file beside `listening_ports.rs`, an arm in `server.rs`, and types here;
//! [`get`] calls it.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "agent")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use coder_agent::http_api::{self, HttpApi};
//! use tokio::io::duplex;
//! use tokio_util::sync::CancellationToken;
//!
//! let api = HttpApi::default();
//! let (client, agent) = duplex(4096);
//! tokio::spawn(async move { api.serve(agent, CancellationToken::new()).await });
//! for port in http_api::listening_ports(client).await?.ports {
//!     println!("{} {}", port.port, port.process_name);
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "agent"))]
//! # fn main() {}
//! ```

mod client;
#[cfg(feature = "agent")]
mod containers;
#[cfg(feature = "agent")]
mod listening_ports;
#[cfg(feature = "agent")]
mod server;
mod types;

pub use client::{
    CALL_TIMEOUT, MAX_BODY_BYTES, containers, get, listening_ports, recreate_devcontainer,
};
#[cfg(feature = "agent")]
pub use server::HttpApi;
pub use types::{ErrorResponse, ListeningPort, ListeningPortsResponse};

/// The path of the call for listening ports.
const LISTENING_PORTS: &str = "/api/v0/listening-ports";
/// The path of the call for containers.
const CONTAINERS: &str = "/api/v0/containers";
/// What is around the id of a dev container in the path of the call that makes it anew.
const RECREATE: (&str, &str) = ("/api/v0/containers/devcontainers/", "/recreate");

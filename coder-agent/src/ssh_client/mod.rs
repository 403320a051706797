//! The client's side of SSH, for `coder ssh`: one session over any stream.
//!
//! ```no_run
//! # async fn example<S>(stream: S) -> coder_agent::Result<i32>
//! # where S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {
//! use coder_agent::ssh_client::{SessionRequest, SshClient, SshClientOptions};
//!
//! let client = SshClient::connect(stream, SshClientOptions::default()).await?;
//! let status = client.run_with_terminal(SessionRequest::default()).await?;
//! client.disconnect().await;
//! # Ok(status)
//! # }
//! ```
//!
//! The tunnel has authenticated both ends already, so any host key is good unless one is expected.

mod client;
mod request;
mod session;
mod terminal;

pub use client::{SshClient, SshClientOptions};
pub use request::{SessionRequest, TerminalRequest, TerminalSize};
pub use session::Streams;
pub use terminal::has_terminal;

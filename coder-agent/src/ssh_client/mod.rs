//! The client's side of SSH, for `coder ssh`: sessions and forwards over any stream.
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
mod forward;
mod handler;
mod listener;
mod request;
mod session;
mod stream;
mod terminal;

pub use client::{SshClient, SshClientOptions};
pub use listener::RemoteListener;
pub use request::{SessionRequest, TerminalRequest, TerminalSize};
pub use session::Streams;
pub use stream::SshStream;
pub use terminal::has_terminal;

//! Terminals that outlive their connection: the web terminal.
//!
//! A client opens a stream to port [`RECONNECTING_PTY`](crate::tunnel::port::RECONNECTING_PTY) of
//! an agent and sends a [`ReconnectingPtyInit`]: its length in two bytes, little-endian, then JSON.
//! After that it sends [`ReconnectingPtyRequest`]s, JSON objects one after the other, and gets the
//! terminal's output as it is. [`ReconnectingPty`] is the client's side.
//!
//! The terminal belongs to the agent, not to the stream. When a client leaves, because the browser
//! was closed or the server started anew, the program goes on; who attaches under the same id within
//! five minutes goes on where it was. The end of the output (64 KiB) is replayed. The replay begins
//! between characters and escape sequences, in the modes that the terminal had there, so that a
//! full-screen program is on the alternate screen again; it leaves out what asks the terminal
//! something, since the answer would be typed, and what sets the clipboard. Several clients may
//! watch one terminal; its size is that of the one that did something last.
//!
//! ```text
//! program ─ terminal ─→ Scrollback ─→ Viewer 1 ─→ stream        a viewer is a position in the
//!                          64 KiB  └→ Viewer 2 ─→ stream        scrollback, it has no queue
//! ```
//!
//! The program is held up for the fastest of its viewers, as a slow SSH client holds it up, so a
//! single client loses nothing however slow it is. It is not held up for the others, nor for longer
//! than two seconds by viewers that take nothing at all: those lose output, go on at the oldest
//! place that is kept, and cost one chunk of 16 KiB each.
//!
//! # Back ends
//!
//! The agent itself keeps terminals ([`Buffered`](Backend::Buffered)), also where the program
//! `screen` is installed: what a program says reaches the client unchanged, with all colours and
//! links, and the client has its own scrollback. A client may ask for [`Screen`](Backend::Screen):
//! that draws everything in its own way, but its sessions outlive even a killed agent. Where it is
//! not installed the agent keeps the terminal.
//!
//! # Example
//!
//! Both ends in one process, without a tunnel between.
//!
//! ```
//! # #[cfg(feature = "agent")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use coder_agent::reconnecting_pty::{
//!     ReconnectingPty, ReconnectingPtyInit, ReconnectingPtyServer,
//! };
//! use coder_agent::ssh::{Blocked, HostKey, SshOptions, SshServer, User};
//! use tokio::io::{AsyncReadExt as _, duplex};
//! use tokio_util::sync::CancellationToken;
//! use uuid::Uuid;
//!
//! // The workspace.
//! let process_environment = std::env::vars_os().collect();
//! let ssh = SshServer::new(SshOptions {
//!     host_key: HostKey::derive(b"workspace", "alice", "dev", "main"),
//!     user: User::current(&process_environment).await,
//!     process_environment,
//!     max_timeout: SshOptions::DEFAULT_MAX_TIMEOUT,
//!     blocked: Blocked::default(),
//! });
//! let terminals = ReconnectingPtyServer::new(ssh);
//!
//! // A client types something and leaves.
//! let init = ReconnectingPtyInit {
//!     id: Uuid::from_u128(1),
//!     command: "read name; echo \"Hello $name\"".into(),
//!     ..ReconnectingPtyInit::default()
//! };
//! let attach = async || {
//!     let (client, agent) = duplex(4096);
//!     let terminals = terminals.clone();
//!     tokio::spawn(async move { terminals.serve(agent, CancellationToken::new()).await });
//!     ReconnectingPty::attach(client, &init).await
//! };
//! let mut first = attach().await?;
//! first.send(b"wor").await?;
//! drop(first);
//!
//! // Another one goes on.
//! let mut second = attach().await?;
//! second.send(b"ld\n").await?;
//! let mut shown = String::new();
//! second.read_to_string(&mut shown).await?;
//! assert!(shown.contains("Hello world"), "{shown}");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "agent"))]
//! # fn main() {}
//! ```

mod client;
#[cfg(feature = "agent")]
mod environment;
mod protocol;
#[cfg(feature = "agent")]
mod replay;
#[cfg(feature = "agent")]
mod requests;
#[cfg(feature = "agent")]
mod screen;
#[cfg(feature = "agent")]
mod screen_state;
#[cfg(feature = "agent")]
mod scrollback;
#[cfg(feature = "agent")]
mod server;
#[cfg(feature = "agent")]
mod terminal;
#[cfg(feature = "agent")]
mod viewer;

pub use client::{ReconnectingPty, ReconnectingPtyInput};
pub use protocol::{
    Backend, DEFAULT_SIZE, MAX_REQUEST_BYTES, ReconnectingPtyInit, ReconnectingPtyRequest,
};
#[cfg(feature = "agent")]
pub use server::ReconnectingPtyServer;

//! The SSH server of a workspace, reached only through the tunnel.
//!
//! [`SshServer::serve`] speaks SSH over any stream, so the agent listens on no port. Clients are
//! not authenticated here: whoever holds a stream was let in by the server at its other end. The
//! host key is the same after every restart, see [`HostKey`].
//!
//! ```text
//! stream → russh → Handler (translates) → Registry ─ input queue, control queue ─→ one task per channel
//!                                                                                   ├ exec    pipes
//!                                                                                   ├ pty     terminal
//!                                                                                   ├ sftp    files
//!                                                                                   └ forward sockets
//! sockets, agent, displays → one task per listener → channels that the client opens ─┘
//! ```
//!
//! Invariants:
//! * The handler never waits. A connection that has more than 24 MiB of input that nobody has read
//!   is not read from for a while, see `input.rs`; `limits.rs` has the other bounds.
//! * A channel's task owns everything the channel uses. It ends when the channel, the connection
//!   or the agent does; only the wait for a process that outlives its session remains, as with
//!   OpenSSH, until [`SshServer::close`].
//! * Environment, command lines and terminal modes are decided by pure functions ([`environment`],
//!   [`command`]).
//!
//! Subsystems other than sftp do not exist here. Names and texts that SSH leaves to the two ends
//! are UTF-8, because the library wants it so; commands and what goes through streams are bytes.

pub(crate) mod accounts;
mod algorithms;
mod block;
mod closing;
pub mod command;
mod connection;
mod container;
pub mod environment;
mod exec;
mod exit;
mod forward;
mod greeting;
mod handler;
mod host_key;
mod input;
mod jetbrains;
mod limits;
mod options;
mod output;
mod private_folder;
mod process;
mod pty;
mod registry;
mod server;
mod session;
mod session_type;
mod setup;
mod sftp;
mod signal;
mod statistics;
mod transport;
mod user;
mod window;
mod x11;

pub use block::Blocked;
pub use command::Program;
pub use environment::{Environment, WorkspaceEnvironment};
pub use host_key::HostKey;
pub use options::{SshOptions, WorkspaceSettings};
pub use server::SshServer;
pub use session_type::SessionType;
pub use statistics::SshStatistics;
pub use user::User;

#[cfg(unix)]
pub(crate) use algorithms::preferred as preferred_algorithms;
#[cfg(windows)]
pub(crate) use process::Child;
pub(crate) use process::{Process, wait};
pub(crate) use setup::{TerminalRequest, TerminalSize};
#[cfg(unix)]
pub(crate) use signal::number as signal_number;
#[cfg(unix)]
pub(crate) use transport::{Transport, Unsent};

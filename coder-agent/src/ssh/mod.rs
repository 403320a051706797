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
//!                                                                                   └ forward TCP
//! ```
//!
//! Invariants:
//! * The handler never waits. A connection that has more than 16 MiB of input that nobody has read
//!   is not read from for a while, see `input.rs`; `limits.rs` has the other bounds.
//! * A channel's task owns everything the channel uses. It ends when the channel, the connection
//!   or the agent does; only the wait for a process that outlives its session remains, as with
//!   OpenSSH, until [`SshServer::close`].
//! * Environment, command lines and terminal modes are decided by pure functions ([`environment`],
//!   [`command`], `terminal_modes`).
//!
//! Not offered yet and refused in the way clients expect: the sftp subsystem, remote and
//! Unix-socket forwarding, agent and X11 forwarding.

mod algorithms;
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
mod limits;
mod options;
mod output;
mod process;
mod pty;
mod registry;
mod server;
mod session;
mod setup;
mod signal;
mod terminal_modes;
mod transport;
mod user;

pub use command::Program;
pub use environment::{Environment, WorkspaceEnvironment};
pub use host_key::HostKey;
pub use options::{SshOptions, WorkspaceSettings};
pub use server::SshServer;
pub use user::User;

pub(crate) use algorithms::preferred as preferred_algorithms;
pub(crate) use process::{Process, wait};
pub(crate) use pty::{Terminal, open as open_terminal};
pub(crate) use setup::{TerminalRequest, TerminalSize};
pub(crate) use signal::number as signal_number;
pub(crate) use transport::{Transport, Unsent};

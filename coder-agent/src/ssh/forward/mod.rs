//! Streams between the client and sockets of the workspace.
//!
//! * Towards the workspace the client opens a channel, and [`run`] connects it (`ssh -L`, `-D`).
//! * Towards the client somebody connects to a [`Listener`], and [`Opener`] opens a channel
//!   for that (`ssh -R`, the agent's socket, X11 displays).
//!
//! [`Forwards`] keeps a connection's listeners; they end with it.

mod direct;
mod forwards;
mod listener;
mod opener;
mod splice;
mod tcp;

pub(super) use direct::{Target, run};
pub(super) use forwards::Forwards;
pub(super) use listener::Listener;
pub(super) use opener::{Opener, Origin};
pub(super) use tcp::bind;

//! Bytes over WebSocket: the carrier of tunnels and of clients' streams.
//!
//! Binary messages hold the bytes, cut anywhere; an empty one ends its direction, as TCP's FIN
//! does, while the other direction goes on. A close frame with code 1000 or without a code ends
//! both. Text messages are an error.
//!
//! [`WsByteStream`] works over any stream and sink of [`WsFrame`]s, so that a server may keep its
//! framework's WebSocket type; [`connect`] and [`server_io`] make one from a raw connection.

mod byte_stream;
mod handshake;
mod tungstenite;

pub use byte_stream::{WsByteStream, WsFrame};
pub use handshake::{connect, upgrade, upgrade_response};
pub use tungstenite::{TungsteniteFrames, WsIo, client_io, server_io};

use std::time::Duration;

/// The largest message that is sent, in bytes.
pub const SEND_MESSAGE_BYTES: usize = 64 * 1024;

/// The largest message that is accepted, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// How often a client pings on a stream of its own, so that boxes on the way keep it.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

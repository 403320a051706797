//! Bytes over WebSocket: the carrier of tunnels and of clients' streams.
//!
//! Binary messages hold the bytes, cut anywhere; an empty one ends its direction, as TCP's FIN
//! does, while the other direction goes on. A close frame with code 1000 or without a code ends
//! both. Text messages are an error.
//!
//! [`connect`] makes a [`WsByteStream`] of a request, [`server_io`] of a connection that any HTTP server
//! has upgraded with [`upgrade_response`]. Frames are read and written here and not by a library: bytes are
//! passed on from where they were received, and an idle connection holds no buffer.

mod byte_stream;
mod handshake;
mod output;
mod wire;

pub use byte_stream::WsByteStream;
pub use handshake::{WsIo, client_io, connect, server_io, upgrade, upgrade_response};

use std::time::Duration;

/// The largest message that is sent, in bytes.
pub const SEND_MESSAGE_BYTES: usize = 256 * 1024;

/// The largest message that is accepted, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// How often each side pings on a stream of its own, so that boxes on the way keep it, and a dead one is
/// noticed after three times as long.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

//! What travels, whatever library carries it.

use std::error::Error as StdError;

use bytes::Bytes;
use futures_util::{Sink, Stream};

/// The error of a carrier of frames.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A WebSocket message, whatever library it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message: one envelope.
    Text(String),
    /// A binary message: a piece of an attachment.
    Binary(Bytes),
    /// A ping; the library below answers it.
    Ping,
    /// The answer to a ping.
    Pong,
    /// The end, with its code and reason where there are any.
    Close(Option<(u16, String)>),
}

/// An open WebSocket: a stream and a sink of frames.
pub trait Frames:
    Stream<Item = Result<Frame, BoxError>> + Sink<Frame, Error = BoxError> + Send + Unpin + 'static
{
}

impl<T> Frames for T where
    T: Stream<Item = Result<Frame, BoxError>>
        + Sink<Frame, Error = BoxError>
        + Send
        + Unpin
        + 'static
{
}

/// Codes of close frames, from RFC 6455.
pub mod close_code {
    /// The connection has served its purpose.
    pub const NORMAL: u16 = 1000;
    /// The server stops; the daemon connects again.
    pub const GOING_AWAY: u16 = 1001;
    /// The other side broke the rules of this protocol.
    pub const PROTOCOL: u16 = 1002;
    /// The daemon is not wanted any more, and must not come back.
    pub const POLICY: u16 = 1008;
}

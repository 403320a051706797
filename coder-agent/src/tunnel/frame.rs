//! The bytes at the start of each stream; no I/O.
//!
//! Who opens a stream sends four bytes: version (1), network, and the port, big-endian. The other
//! side answers a status byte and a text: its length in two bytes, big-endian, and so many bytes
//! of UTF-8 (empty for success). After a success the stream belongs to the service; after
//! anything else both sides close it.
//!
//! | network | port | what it is |
//! |---|---|---|
//! | 0 | 0 | a ping: the answer is all |
//! | 1 | TCP port | a connection to a [`port`](super::port) |
//! | 2 | UDP port | [`datagram`](super::datagram)s from and to a port of the workspace |
//! | 3 | 0 | asks to move a stream, followed by a [`MoveRequest`] |

use std::fmt;

use uuid::Uuid;

use crate::{Error, ErrorKind};

/// The version of this header.
pub const VERSION: u8 = 1;

/// The longest text in an answer, in bytes. Readers refuse more, writers cut.
pub const MAX_MESSAGE_BYTES: usize = 512;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenRequest {
    /// Nothing: the answer shows that the agent lives.
    Ping,
    /// A connection to a TCP port as the agent numbers them, see [`port`](super::port).
    Tcp(u16),
    /// Datagrams from and to a UDP port of the workspace, as [`datagram`](super::datagram) frames
    /// them.
    Udp(u16),
    /// A question: a [`MoveRequest`] follows.
    Move,
}

/// Asks the agent to dial a connection for an open stream, by
/// `GET /api/v2/workspaceagents/me/stream?id={ticket}`. The answer is [`OpenStatus::Ok`] when the
/// agent has the connection; from then on both directions of the stream end there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveRequest {
    /// The number that the stream has in yamux.
    pub stream: u32,
    /// Names the connection, once.
    pub ticket: Uuid,
}

/// How a request to open a stream was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenStatus {
    /// The stream is open.
    Ok,
    /// The agent does not know the version or network, or does not offer the port.
    Unsupported,
    /// Nothing listens on the port.
    Refused,
    /// Connecting took too long.
    TimedOut,
    /// The agent has too many streams open.
    Busy,
    /// Anything else.
    Failed,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReply {
    status: OpenStatus,
    message: String,
}

/// Bytes that are not a header or an answer of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A header of another version.
    #[error("stream header of version {0} is not understood")]
    Version(u8),
    /// A network that is not known.
    #[error("network {0} is not known")]
    Network(u8),
    /// A status that is not known.
    #[error("status {0} is not known")]
    Status(u8),
    /// A text over the bound.
    #[error("text of {0} bytes is over the bound")]
    MessageTooLong(usize),
}

const NETWORK_PING: u8 = 0;
const NETWORK_TCP: u8 = 1;
const NETWORK_UDP: u8 = 2;
const NETWORK_MOVE: u8 = 3;

impl OpenRequest {
    /// The size of an encoded request.
    pub const LEN: usize = 4;

    /// The request as bytes.
    #[must_use]
    pub const fn encode(self) -> [u8; Self::LEN] {
        let (network, port) = match self {
            Self::Ping => (NETWORK_PING, 0_u16),
            Self::Tcp(port) => (NETWORK_TCP, port),
            Self::Udp(port) => (NETWORK_UDP, port),
            Self::Move => (NETWORK_MOVE, 0),
        };
        let [high, low] = port.to_be_bytes();
        [VERSION, network, high, low]
    }

    /// The request in `bytes`.
    ///
    /// # Errors
    /// For another version or an unknown network.
    pub const fn decode(bytes: [u8; Self::LEN]) -> Result<Self, FrameError> {
        let [version, network, high, low] = bytes;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        match network {
            NETWORK_PING => Ok(Self::Ping),
            NETWORK_TCP => Ok(Self::Tcp(u16::from_be_bytes([high, low]))),
            NETWORK_UDP => Ok(Self::Udp(u16::from_be_bytes([high, low]))),
            NETWORK_MOVE => Ok(Self::Move),
            other => Err(FrameError::Network(other)),
        }
    }
}

impl MoveRequest {
    /// The size of an encoded request.
    pub const LEN: usize = 20;

    /// The request as bytes: the stream's number, big-endian, and the ticket.
    #[must_use]
    pub fn encode(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (number, ticket) = bytes.split_at_mut(size_of::<u32>());
        number.copy_from_slice(&self.stream.to_be_bytes());
        ticket.copy_from_slice(self.ticket.as_bytes());
        bytes
    }

    /// The request in `bytes`.
    #[must_use]
    pub fn decode(bytes: [u8; Self::LEN]) -> Self {
        let stream = bytes.first_chunk().copied().unwrap_or_default();
        let ticket = bytes.last_chunk().copied().unwrap_or_default();
        Self {
            stream: u32::from_be_bytes(stream),
            ticket: Uuid::from_bytes(ticket),
        }
    }
}

impl OpenReply {
    /// The size of the fixed part of an encoded answer.
    pub const HEADER_LEN: usize = 3;

    /// An open stream.
    #[must_use]
    pub const fn ok() -> Self {
        Self {
            status: OpenStatus::Ok,
            message: String::new(),
        }
    }

    /// A refusal. The text is cut at [`MAX_MESSAGE_BYTES`] and stripped of control characters.
    #[must_use]
    pub fn refuse(status: OpenStatus, message: &str) -> Self {
        Self {
            status,
            message: clean(message),
        }
    }

    /// How the request was answered.
    #[must_use]
    pub const fn status(&self) -> OpenStatus {
        self.status
    }

    /// Why, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The answer as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let length = u16::try_from(self.message.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(Self::HEADER_LEN + self.message.len());
        bytes.push(self.status.code());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.message.as_bytes());
        bytes
    }

    /// The status and the length of the text that follows.
    ///
    /// # Errors
    /// For an unknown status or a text over the bound, before any of it is read.
    pub fn decode_header(bytes: [u8; Self::HEADER_LEN]) -> Result<(OpenStatus, usize), FrameError> {
        let [code, high, low] = bytes;
        let status = OpenStatus::from_code(code).ok_or(FrameError::Status(code))?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_MESSAGE_BYTES {
            return Err(FrameError::MessageTooLong(length));
        }
        Ok((status, length))
    }

    /// The answer made of a decoded header and its text. Text that is not UTF-8 is repaired.
    #[must_use]
    pub fn from_parts(status: OpenStatus, message: &[u8]) -> Self {
        Self {
            status,
            message: clean(&String::from_utf8_lossy(message)),
        }
    }

    /// The answer as a result.
    ///
    /// # Errors
    /// For every status but [`OpenStatus::Ok`].
    pub fn into_result(self) -> Result<(), Error> {
        let kind = match self.status {
            OpenStatus::Ok => return Ok(()),
            OpenStatus::Unsupported => ErrorKind::Unsupported,
            OpenStatus::Refused => ErrorKind::Refused,
            OpenStatus::TimedOut => ErrorKind::TimedOut,
            OpenStatus::Busy => ErrorKind::Busy,
            OpenStatus::Failed => ErrorKind::Unavailable,
        };
        let message = if self.message.is_empty() {
            self.status.to_string()
        } else {
            self.message
        };
        Err(Error::new(kind, message))
    }
}

impl OpenStatus {
    const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Unsupported => 1,
            Self::Refused => 2,
            Self::TimedOut => 3,
            Self::Busy => 4,
            Self::Failed => 5,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Ok),
            1 => Some(Self::Unsupported),
            2 => Some(Self::Refused),
            3 => Some(Self::TimedOut),
            4 => Some(Self::Busy),
            5 => Some(Self::Failed),
            _ => None,
        }
    }
}

impl fmt::Display for OpenStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ok => "open",
            Self::Unsupported => "not supported by the agent",
            Self::Refused => "connection refused in the workspace",
            Self::TimedOut => "connecting in the workspace took too long",
            Self::Busy => "the agent has too many streams open",
            Self::Failed => "the agent could not open the stream",
        })
    }
}

/// One line of printable text within the bound.
fn clean(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        if kept.len() + character.len_utf8() > MAX_MESSAGE_BYTES {
            break;
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [OpenStatus; 6] = [
        OpenStatus::Ok,
        OpenStatus::Unsupported,
        OpenStatus::Refused,
        OpenStatus::TimedOut,
        OpenStatus::Busy,
        OpenStatus::Failed,
    ];

    #[test]
    fn requests_survive_the_wire() {
        for request in [
            OpenRequest::Ping,
            OpenRequest::Tcp(0),
            OpenRequest::Tcp(0x1f90),
            OpenRequest::Udp(53),
            OpenRequest::Move,
        ] {
            assert_eq!(OpenRequest::decode(request.encode()), Ok(request));
        }
        assert_eq!(OpenRequest::Tcp(0x1f90).encode(), [1, 1, 0x1f, 0x90]);
        let request = MoveRequest {
            stream: 0x0102_0304,
            ticket: Uuid::from_u128(0x0506),
        };
        assert_eq!(MoveRequest::decode(request.encode()), request);
        assert_eq!(
            request.encode(),
            [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6]
        );
    }

    #[test]
    fn every_header_is_decoded_or_refused() {
        for version in 0..=u8::MAX {
            for network in 0..=u8::MAX {
                let decoded = OpenRequest::decode([version, network, 0xff, 0xff]);
                match (version, network) {
                    (1, 0) => assert_eq!(decoded, Ok(OpenRequest::Ping)),
                    (1, 1) => assert_eq!(decoded, Ok(OpenRequest::Tcp(u16::MAX))),
                    (1, 2) => assert_eq!(decoded, Ok(OpenRequest::Udp(u16::MAX))),
                    (1, 3) => assert_eq!(decoded, Ok(OpenRequest::Move)),
                    (1, network) => assert_eq!(decoded, Err(FrameError::Network(network))),
                    (version, _) => assert_eq!(decoded, Err(FrameError::Version(version))),
                }
            }
        }
    }

    #[test]
    fn replies_survive_the_wire() {
        for status in STATUSES {
            let reply = OpenReply::refuse(status, "port 8080: connection refused");
            let bytes = reply.encode();
            let header = [bytes[0], bytes[1], bytes[2]];
            let (decoded, length) = OpenReply::decode_header(header).unwrap();
            assert_eq!(length, bytes.len() - OpenReply::HEADER_LEN);
            assert_eq!(
                OpenReply::from_parts(decoded, &bytes[OpenReply::HEADER_LEN..]),
                reply
            );
        }
        assert_eq!(OpenReply::ok().encode(), [0, 0, 0]);
    }

    #[test]
    fn hostile_replies_are_refused_before_their_text_is_read() {
        for code in 6..=u8::MAX {
            assert_eq!(
                OpenReply::decode_header([code, 0, 0]),
                Err(FrameError::Status(code))
            );
        }
        for length in [MAX_MESSAGE_BYTES + 1, usize::from(u16::MAX)] {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            assert_eq!(
                OpenReply::decode_header([5, high, low]),
                Err(FrameError::MessageTooLong(length))
            );
        }
    }

    #[test]
    fn text_is_bounded_and_harmless() {
        let long = OpenReply::refuse(OpenStatus::Failed, &"é".repeat(MAX_MESSAGE_BYTES));
        assert_eq!(long.message().len(), MAX_MESSAGE_BYTES);
        let hostile = OpenReply::from_parts(OpenStatus::Failed, b"\x1b]52;c;x\x07\xff\r\nnext");
        assert_eq!(hostile.message(), " ]52;c;x \u{fffd}  next");
        let error = hostile.into_result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let silent = OpenReply::refuse(OpenStatus::Refused, "")
            .into_result()
            .unwrap_err();
        assert_eq!(silent.message(), "connection refused in the workspace");
    }
}

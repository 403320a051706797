use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use uuid::Uuid;

use crate::{Error, ErrorKind, Result};

/// The size of a terminal whose client does not tell one, both ways, in characters.
pub const DEFAULT_SIZE: u16 = 80;

/// The largest object that a client may send, in bytes: as much as one WebSocket message.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// What a client asks for when it attaches to a terminal.
///
/// On the wire it is the first thing sent: its length in two bytes, little-endian, then JSON with
/// the names `ID`, `Height`, `Width`, `Command`, `Container`, `ContainerUser` and `BackendType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReconnectingPtyInit {
    /// Which terminal. Clients choose it at random; who names the same one gets the same terminal.
    #[serde(rename = "ID")]
    pub id: Uuid,
    /// Rows; 0 for the default.
    pub height: u16,
    /// Columns; 0 for the default.
    pub width: u16,
    /// What to run; empty for the login shell. Only counts for a terminal that is not there yet.
    pub command: String,
    /// The container to run it in; empty for none.
    pub container: String,
    /// Who it runs as in the container; empty for the container's choice.
    pub container_user: String,
    /// What keeps the terminal.
    pub backend_type: Backend,
}

/// What keeps a terminal while nobody looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The agent's choice, which is [`Buffered`](Self::Buffered).
    #[default]
    #[serde(rename = "")]
    Any,
    /// The agent, which replays the end of the output.
    Buffered,
    /// The program `screen`, if it is installed: then the terminal outlives the agent too.
    Screen,
}

/// What a client says after that: JSON objects one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReconnectingPtyRequest {
    /// What was typed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// What was typed, after `data`, where it is not UTF-8: some mouse reports are not. Base64 on
    /// the wire.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "to_base64",
        deserialize_with = "from_base64"
    )]
    pub bytes: Vec<u8>,
    /// Rows from now on; 0 for no change.
    #[serde(skip_serializing_if = "is_zero")]
    pub height: u16,
    /// Columns from now on; 0 for no change.
    #[serde(skip_serializing_if = "is_zero")]
    pub width: u16,
}

impl Default for ReconnectingPtyInit {
    fn default() -> Self {
        Self {
            id: Uuid::nil(),
            height: DEFAULT_SIZE,
            width: DEFAULT_SIZE,
            command: String::new(),
            container: String::new(),
            container_user: String::new(),
            backend_type: Backend::Any,
        }
    }
}

impl ReconnectingPtyInit {
    /// The request as bytes, its length included.
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) above 64 KiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "terminal request has no JSON").with_source(error)
        })?;
        let length = u16::try_from(json.len()).map_err(|_| {
            Error::new(ErrorKind::TooLarge, "the terminal's command is over 64 KiB")
        })?;
        Ok([&length.to_le_bytes()[..], &json].concat())
    }

    /// Reads a request, as much as it says and no more.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) when the stream ends, [`Protocol`](ErrorKind::Protocol) when
    /// it holds something else.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let closed = |error: io::Error| {
            Error::new(ErrorKind::Closed, "client left before it attached").with_source(error)
        };
        let length = stream.read_u16_le().await.map_err(closed)?;
        let mut json = vec![0; usize::from(length)];
        stream.read_exact(&mut json).await.map_err(closed)?;
        serde_json::from_slice(&json).map_err(|error| {
            Error::new(ErrorKind::Protocol, "terminal request is not understood").with_source(error)
        })
    }
}

impl ReconnectingPtyRequest {
    /// Input of any bytes.
    #[must_use]
    pub fn input(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                data: text.to_owned(),
                ..Self::default()
            },
            Err(_) => Self {
                bytes: bytes.to_vec(),
                ..Self::default()
            },
        }
    }

    /// A new size in characters.
    #[must_use]
    pub fn resize(height: u16, width: u16) -> Self {
        Self {
            height,
            width,
            ..Self::default()
        }
    }

    /// The request as bytes.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal); no value is known that has no JSON.
    pub fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "terminal input has no JSON").with_source(error)
        })
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text).map_err(serde::de::Error::custom)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u16) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_message_is_the_documented_one() {
        let init = ReconnectingPtyInit {
            id: Uuid::from_u128(7),
            height: 24,
            command: "top".into(),
            backend_type: Backend::Screen,
            ..ReconnectingPtyInit::default()
        };
        let bytes = init.encode().unwrap();
        let json = r#"{"ID":"00000000-0000-0000-0000-000000000007","Height":24,"Width":80,"Command":"top","Container":"","ContainerUser":"","BackendType":"screen"}"#;
        assert_eq!(std::str::from_utf8(&bytes[2..]).unwrap(), json);
        assert_eq!(
            usize::from(bytes[0]) + 256 * usize::from(bytes[1]),
            json.len()
        );
        let mut stream = [&bytes[..], b"rest"].concat();
        let mut reader = &stream[..];
        assert_eq!(ReconnectingPtyInit::read(&mut reader).await.unwrap(), init);
        assert_eq!(reader, b"rest");
        stream.truncate(20);
        let cut = ReconnectingPtyInit::read(&mut &stream[..])
            .await
            .unwrap_err();
        assert_eq!(cut.kind(), ErrorKind::Closed);
        let other = ReconnectingPtyInit::read(&mut &b"\x02\x0042"[..])
            .await
            .unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Protocol);
    }

    #[tokio::test]
    async fn what_is_missing_has_its_default() {
        let mut short = &b"\x0e\x00{\"Command\":\"\"}"[..];
        let init = ReconnectingPtyInit::read(&mut short).await.unwrap();
        assert_eq!(init, ReconnectingPtyInit::default());
        let long = ReconnectingPtyInit {
            command: "x".repeat(70_000),
            ..ReconnectingPtyInit::default()
        };
        assert_eq!(long.encode().unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn input_of_any_bytes_survives() {
        let text = ReconnectingPtyRequest::input("ls é\r".as_bytes());
        assert_eq!(text.encode().unwrap(), "{\"data\":\"ls é\\r\"}".as_bytes());
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let binary = ReconnectingPtyRequest::input(&all).encode().unwrap();
        let back: ReconnectingPtyRequest = serde_json::from_slice(&binary).unwrap();
        assert_eq!((back.data.as_str(), back.bytes), ("", all));
        let size = ReconnectingPtyRequest::resize(24, 80).encode().unwrap();
        assert_eq!(size, br#"{"height":24,"width":80}"#);
    }
}

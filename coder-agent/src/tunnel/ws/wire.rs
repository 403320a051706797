//! WebSocket frames as bytes (RFC 6455, section 5); no I/O.

use bytes::{Buf as _, BufMut as _, BytesMut};

use super::MAX_MESSAGE_BYTES;

/// The largest header: two bytes, a length of eight, a mask of four.
const MAX_HEADER: usize = 14;

/// The longest payload of a ping, pong or close frame.
pub(super) const MAX_CONTROL: usize = 125;

/// Which side of the connection this is: clients mask what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

pub(super) type Key = [u8; 4];

/// The beginning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) last: bool,
    pub(super) opcode: Opcode,
    pub(super) key: Option<Key>,
    pub(super) length: usize,
}

/// The bytes of a header.
pub(super) struct HeaderBytes {
    bytes: [u8; MAX_HEADER],
    length: usize,
}

/// What a peer must not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("text message where only binary ones belong")]
    Text,
    #[error("WebSocket message is too large")]
    TooLarge,
    #[error("WebSocket frame with a mask where none belongs, or without one")]
    Mask,
    #[error("WebSocket frame that makes no sense")]
    Malformed,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl Header {
    pub(super) fn encode(self) -> HeaderBytes {
        let mut bytes = [0; MAX_HEADER];
        let mut rest = bytes.as_mut_slice();
        rest.put_u8(u8::from(self.last) << 7 | self.opcode.bits());
        let masked = u8::from(self.key.is_some()) << 7;
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(length @ ..=125), _) => rest.put_u8(masked | length),
            (_, Ok(length)) => {
                rest.put_u8(masked | 126);
                rest.put_u16(length);
            }
            _ => {
                rest.put_u8(masked | 127);
                rest.put_u64(self.length as u64);
            }
        }
        if let Some(key) = self.key {
            rest.put_slice(&key);
        }
        let length = MAX_HEADER - rest.len();
        HeaderBytes { bytes, length }
    }

    /// The header at the beginning of `bytes` and its size; nothing when more bytes are needed.
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Option<(Self, usize)>, WireError> {
        let whole = bytes.len();
        let (Ok(first), Ok(second)) = (bytes.try_get_u8(), bytes.try_get_u8()) else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(WireError::Malformed);
        }
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(WireError::Malformed)?;
        let last = first & 0x80 != 0;
        let length = match second & 0x7f {
            126 => bytes.try_get_u16().map(u64::from),
            127 => bytes.try_get_u64(),
            length => Ok(u64::from(length)),
        };
        let Ok(length) = length else {
            return Ok(None);
        };
        let mut key = None;
        if second & 0x80 != 0 {
            let mut found = Key::default();
            if bytes.try_copy_to_slice(&mut found).is_err() {
                return Ok(None);
            }
            key = Some(found);
        }
        if opcode.is_control() && (!last || length > MAX_CONTROL as u64) {
            return Err(WireError::Malformed);
        }
        let length = usize::try_from(length).map_err(|_| WireError::TooLarge)?;
        let header = Self {
            last,
            opcode,
            key,
            length,
        };
        Ok(Some((header, whole - bytes.len())))
    }
}

impl HeaderBytes {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Puts a mask on, or takes it off. `offset` is how much of the payload came before.
pub(super) fn apply_mask(bytes: &mut [u8], mut key: Key, offset: usize) {
    key.rotate_left(offset % size_of::<Key>());
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// What comes next in the bytes of a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes at the beginning are payload, and unmasked.
    Data(usize),
    /// The direction has ended.
    End,
    Ping(BytesMut),
    Pong,
    Close(Option<(u16, String)>),
    /// More bytes are needed.
    More,
}

/// Reads frames. What it answers as data must be taken before it is asked again.
#[derive(Debug)]
pub(super) struct Decoder {
    role: Role,
    /// What is to come of the payload of a data frame.
    rest: Option<Rest>,
    /// Bytes of the message so far, when it is not over.
    message: Option<usize>,
}

#[derive(Debug)]
struct Rest {
    header: Header,
    done: usize,
}

impl Decoder {
    pub(super) const fn new(role: Role) -> Self {
        Self {
            role,
            rest: None,
            message: None,
        }
    }

    pub(super) fn next(&mut self, bytes: &mut BytesMut) -> Result<Step, WireError> {
        loop {
            if let Some(rest) = &mut self.rest {
                let length = bytes.len().min(rest.header.length - rest.done);
                if length == 0 {
                    return Ok(Step::More);
                }
                if let Some(key) = rest.header.key {
                    apply_mask(bytes.get_mut(..length).unwrap_or_default(), key, rest.done);
                }
                rest.done += length;
                if rest.done == rest.header.length {
                    self.rest = None;
                }
                return Ok(Step::Data(length));
            }
            let Some((header, size)) = Header::decode(bytes)? else {
                return Ok(Step::More);
            };
            if header.key.is_some() != (self.role == Role::Server) {
                return Err(WireError::Mask);
            }
            if header.opcode.is_control() {
                if bytes.len() < size + header.length {
                    return Ok(Step::More);
                }
                bytes.advance(size);
                let mut payload = bytes.split_to(header.length);
                if let Some(key) = header.key {
                    apply_mask(&mut payload, key, 0);
                }
                return control(header.opcode, payload);
            }
            bytes.advance(size);
            if self.begin(header)? {
                return Ok(Step::End);
            }
        }
    }

    /// Begins a data frame; answers whether it is an empty message.
    fn begin(&mut self, header: Header) -> Result<bool, WireError> {
        let before = match (header.opcode, self.message) {
            (Opcode::Text, _) => return Err(WireError::Text),
            (Opcode::Binary, None) => 0,
            (Opcode::Continuation, Some(before)) => before,
            _ => return Err(WireError::Malformed),
        };
        let message = before.saturating_add(header.length);
        if message > MAX_MESSAGE_BYTES {
            return Err(WireError::TooLarge);
        }
        self.message = (!header.last).then_some(message);
        self.rest = (header.length > 0).then_some(Rest { header, done: 0 });
        Ok(header.last && message == 0)
    }
}

fn control(opcode: Opcode, mut payload: BytesMut) -> Result<Step, WireError> {
    Ok(match opcode {
        Opcode::Ping => Step::Ping(payload),
        Opcode::Pong => Step::Pong,
        _ if payload.is_empty() => Step::Close(None),
        _ => {
            let code = payload.try_get_u16().map_err(|_| WireError::Malformed)?;
            let reason = String::from_utf8_lossy(&payload).into_owned();
            Step::Close(Some((code, reason)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = [1, 2, 3, 4];

    #[test]
    fn headers_survive_the_wire_in_their_shortest_form() {
        for (length, plain) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            for key in [None, Some(KEY)] {
                let header = Header {
                    last: true,
                    opcode: Opcode::Binary,
                    key,
                    length,
                };
                let bytes = header.encode();
                let size = plain + key.map_or(0, |key| key.len());
                assert_eq!(bytes.as_slice().len(), size, "{length}");
                assert_eq!(Header::decode(bytes.as_slice()), Ok(Some((header, size))));
                for cut in 0..size {
                    assert_eq!(Header::decode(&bytes.as_slice()[..cut]), Ok(None));
                }
            }
        }
    }

    #[test]
    fn masks_do_not_depend_on_how_bytes_are_cut() {
        let plain: Vec<u8> = (0..100).collect();
        let mut whole = plain.clone();
        apply_mask(&mut whole, KEY, 0);
        for cut in 0..plain.len() {
            let mut parts = plain.clone();
            let (first, second) = parts.split_at_mut(cut);
            apply_mask(first, KEY, 0);
            apply_mask(second, KEY, cut);
            assert_eq!(parts, whole);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_fail_to_decide() {
        // Every pair of first bytes, followed by nonsense: an error, more, or a step, and never a panic.
        for role in [Role::Client, Role::Server] {
            for first in 0..=u8::MAX {
                for second in 0..=u8::MAX {
                    let mut decoder = Decoder::new(role);
                    let mut bytes = BytesMut::from(&[first, second, 0xff, 3, 0, 9, 8, 7, 6, 5][..]);
                    for _ in 0..12 {
                        match decoder.next(&mut bytes) {
                            Ok(Step::Data(length)) => bytes.advance(length),
                            Ok(Step::More) | Err(_) => break,
                            Ok(_) => {}
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn fragments_are_one_message() {
        let frame = |last, opcode, payload: &[u8]| {
            let header = Header {
                last,
                opcode,
                key: None,
                length: payload.len(),
            };
            [header.encode().as_slice(), payload].concat()
        };
        let mut decoder = Decoder::new(Role::Client);
        let mut bytes = BytesMut::new();
        bytes.extend_from_slice(&frame(false, Opcode::Binary, b""));
        bytes.extend_from_slice(&frame(true, Opcode::Ping, b"p"));
        bytes.extend_from_slice(&frame(false, Opcode::Continuation, b"ab"));
        bytes.extend_from_slice(&frame(true, Opcode::Continuation, b""));
        bytes.extend_from_slice(&frame(true, Opcode::Binary, b""));
        bytes.extend_from_slice(&frame(true, Opcode::Continuation, b"lost"));
        let ping = Step::Ping(BytesMut::from(&b"p"[..]));
        assert_eq!(decoder.next(&mut bytes), Ok(ping));
        assert_eq!(decoder.next(&mut bytes), Ok(Step::Data(2)));
        bytes.advance(2);
        assert_eq!(decoder.next(&mut bytes), Ok(Step::End));
        assert_eq!(decoder.next(&mut bytes), Err(WireError::Malformed));
    }
}

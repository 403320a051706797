use super::{MAX_REQUEST_BYTES, ReconnectingPtyRequest};
use crate::{Error, ErrorKind, Result};

/// Deeper than any request; what is not one is refused before its end is looked for.
const MAX_DEPTH: u32 = 16;

/// Takes JSON objects out of a stream of bytes that is cut anywhere. No I/O.
#[derive(Debug, Default)]
pub(super) struct Requests {
    buffer: Vec<u8>,
    /// Up to where the buffer has been looked at.
    scanned: usize,
    depth: u32,
    place: Place,
}

/// Where in a JSON text something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    InString,
    Escaped,
}

impl Requests {
    /// Takes more of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete request. One that makes no sense counts as an empty one: a browser can
    /// make JSON that is not UTF-8 of half a character, which is no reason to end a terminal.
    ///
    /// # Errors
    /// [`Protocol`](ErrorKind::Protocol) for what is no object,
    /// [`TooLarge`](ErrorKind::TooLarge) above [`MAX_REQUEST_BYTES`].
    pub(super) fn next(&mut self) -> Result<Option<ReconnectingPtyRequest>> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            self.scanned += 1;
            if self.scanned > MAX_REQUEST_BYTES {
                let message = "a message to the terminal is over 1 MiB";
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            if self.is_end(byte)? {
                let object = self.buffer.get(..self.scanned).unwrap_or_default();
                let request = serde_json::from_slice(object).unwrap_or_else(|error| {
                    tracing::debug!(%error, "passed over a message to a terminal");
                    ReconnectingPtyRequest::default()
                });
                self.buffer.drain(..self.scanned);
                self.scanned = 0;
                return Ok(Some(request));
            }
        }
        // A large paste leaves no memory behind.
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
        Ok(None)
    }

    /// Whether an object ends with this byte.
    fn is_end(&mut self, byte: u8) -> Result<bool> {
        match (self.place, byte) {
            (Place::InString, b'\\') => self.place = Place::Escaped,
            (Place::InString, b'"') => self.place = Place::Outside,
            (Place::Escaped, _) => self.place = Place::InString,
            (Place::InString, _) => {}
            (Place::Outside, b'{' | b'[') if self.depth < MAX_DEPTH => {
                if self.depth == 0 && byte == b'[' {
                    return Err(no_object());
                }
                self.depth += 1;
            }
            (Place::Outside, b'{' | b'[') => return Err(no_object()),
            (Place::Outside, b'}' | b']') if self.depth > 0 => {
                self.depth -= 1;
                return Ok(self.depth == 0);
            }
            (Place::Outside, b' ' | b'\t' | b'\r' | b'\n') => {}
            (Place::Outside, _) if self.depth == 0 => return Err(no_object()),
            (Place::Outside, b'"') => self.place = Place::InString,
            (Place::Outside, _) => {}
        }
        Ok(false)
    }
}

fn no_object() -> Error {
    let message = "a message to the terminal is no JSON object";
    Error::new(ErrorKind::Protocol, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(requests: &mut Requests) -> Vec<ReconnectingPtyRequest> {
        std::iter::from_fn(|| requests.next().unwrap()).collect()
    }

    #[test]
    fn objects_are_found_wherever_the_stream_is_cut() {
        let typed = ReconnectingPtyRequest::input("}{\"\\ é]\n".as_bytes());
        let size = ReconnectingPtyRequest::resize(24, 80);
        let odd = br#" {"data":"x","more":{"deep":[1,{"a":"}"}]},"width":null} "#;
        let stream = [
            &typed.encode().unwrap()[..],
            b"\r\n",
            &size.encode().unwrap(),
            odd,
        ]
        .concat();
        for step in 1..stream.len() {
            let mut requests = Requests::default();
            let mut found = Vec::new();
            for piece in stream.chunks(step) {
                requests.push(piece);
                found.extend(all(&mut requests));
            }
            // The last one has a width that is no number: nothing of it counts.
            let expected = [
                typed.clone(),
                size.clone(),
                ReconnectingPtyRequest::default(),
            ];
            assert_eq!(found, expected, "cut every {step} bytes");
        }
    }

    #[test]
    fn nonsense_is_passed_over_or_ends_the_stream() {
        let mut requests = Requests::default();
        requests.push(br#"{"data":"\ud83d"}{"bytes":"!"}{"height":-1}{"data":"a"}"#);
        let found = all(&mut requests);
        assert_eq!(found.len(), 4);
        assert_eq!(found[3].data, "a");
        for nonsense in ["x", "[]", "}", "1", "\"x\"", "\0", &"{".repeat(20)] {
            let mut requests = Requests::default();
            requests.push(nonsense.as_bytes());
            let error = requests.next().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{nonsense:?}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        let mut requests = Requests::default();
        requests.push(b"{\"data\":\"");
        let refused = (0..64).find_map(|_| {
            requests.push(&[b'x'; 32 * 1024]);
            requests.next().err()
        });
        assert_eq!(refused.unwrap().kind(), ErrorKind::TooLarge);
        assert!(requests.buffer.len() <= MAX_REQUEST_BYTES + 32 * 1024);
    }
}

//! Puts messages together from frames, within bounds.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::envelope::{Envelope, Message};
use super::limits::{LARGE_BYTES, MAX_CALLS, MAX_UNFINISHED_BYTES, attachment_limit};

/// The other side broke a rule; the connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Violation(pub(super) String);

/// Messages whose attachments have not come yet.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    unfinished: HashMap<u64, Unfinished>,
    announced: usize,
}

/// What an envelope was.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message without attachments.
    Whole(Message),
    /// The first part of the message with this id; its attachments come.
    Begun(u64),
}

#[derive(Debug)]
struct Unfinished {
    message: Message,
    received: BytesMut,
}

impl Assembler {
    /// Takes a text message.
    pub(super) fn text(&mut self, text: &str) -> Result<Incoming, Violation> {
        let envelope: Envelope = serde_json::from_str(text)
            .map_err(|error| Violation(format!("a text message is no envelope: {error}")))?;
        let message = Message {
            envelope,
            attachments: Vec::new(),
        };
        if message.envelope.attachments.is_empty() {
            return Ok(Incoming::Whole(message));
        }
        self.begin(message).map(Incoming::Begun)
    }

    /// The body of an unfinished answer as far as it is known.
    pub(super) fn peek(&self, id: u64) -> Option<&Value> {
        self.unfinished.get(&id)?.message.envelope.result.as_ref()
    }

    /// Takes a binary message; answers the message that it completed.
    pub(super) fn binary(&mut self, mut bytes: Bytes) -> Result<Option<Message>, Violation> {
        let short = || Violation("a binary message has no id".to_owned());
        let id = bytes.split_to(bytes.len().min(8));
        let id = u64::from_be_bytes(id.as_ref().try_into().map_err(|_| short())?);
        let Some(unfinished) = self.unfinished.get_mut(&id) else {
            // Bytes of a call that was canceled meanwhile.
            return Ok(None);
        };
        if !unfinished.take(&bytes)? {
            return Ok(None);
        }
        Ok(self.forget(id))
    }

    /// Drops an unfinished message.
    pub(super) fn forget(&mut self, id: u64) -> Option<Message> {
        let unfinished = self.unfinished.remove(&id)?;
        self.announced = self.announced.saturating_sub(size(&unfinished.message));
        Some(unfinished.message)
    }

    fn begin(&mut self, message: Message) -> Result<u64, Violation> {
        let id = message.envelope.id;
        for attachment in &message.envelope.attachments {
            if attachment.size == 0 || attachment.size > attachment_limit(&attachment.field) {
                let field: String = attachment.field.chars().take(64).collect();
                let text = format!("the attachment {field:?} has {} bytes", attachment.size);
                return Err(Violation(text));
            }
        }
        let announced = self.announced.saturating_add(size(&message));
        if announced > MAX_UNFINISHED_BYTES || self.unfinished.len() >= MAX_CALLS {
            return Err(Violation("too much is unfinished".to_owned()));
        }
        let unfinished = Unfinished {
            message,
            received: BytesMut::new(),
        };
        if self.unfinished.insert(id, unfinished).is_some() {
            return Err(Violation(format!("the id {id} is used twice")));
        }
        self.announced = announced;
        Ok(id)
    }
}

impl Unfinished {
    /// Adds a piece; true when nothing is missing any more.
    fn take(&mut self, bytes: &[u8]) -> Result<bool, Violation> {
        let message = &mut self.message;
        let position = message.attachments.len();
        let Some(attachment) = message.envelope.attachments.get(position) else {
            return Err(Violation("more bytes than announced".to_owned()));
        };
        let missing = attachment.size - self.received.len();
        if bytes.is_empty() || bytes.len() > missing {
            return Err(Violation("a piece has a wrong size".to_owned()));
        }
        // Memory is set aside once the other side has shown that it means it.
        if self.received.len() < LARGE_BYTES && self.received.len() + bytes.len() >= LARGE_BYTES {
            self.received.reserve(missing);
        }
        self.received.extend_from_slice(bytes);
        if self.received.len() == attachment.size {
            let whole = std::mem::take(&mut self.received).freeze();
            message.attachments.push((attachment.field.clone(), whole));
        }
        Ok(message.attachments.len() == message.envelope.attachments.len())
    }
}

fn size(message: &Message) -> usize {
    let sizes = message.envelope.attachments.iter().map(|part| part.size);
    sizes.fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(id: u64, bytes: &[u8]) -> Bytes {
        [&id.to_be_bytes(), bytes].concat().into()
    }

    const STATE_OF_FIVE: &str = r#"{"id":3,"call":"x","attachments":[{"field":"state","size":5},{"field":"other","size":1}]}"#;

    #[test]
    fn pieces_are_put_together_in_order() {
        let mut assembler = Assembler::default();
        assert!(matches!(
            assembler.text(STATE_OF_FIVE),
            Ok(Incoming::Begun(3))
        ));
        for bytes in [&b"ab"[..], b"cde"] {
            assert!(assembler.binary(piece(3, bytes)).unwrap().is_none());
        }
        assert!(assembler.binary(piece(9, b"unknown")).unwrap().is_none());
        let message = assembler.binary(piece(3, b"!")).unwrap().unwrap();
        let expected = [("state", &b"abcde"[..]), ("other", b"!")];
        for ((field, bytes), expected) in message.attachments.iter().zip(expected) {
            assert_eq!((field.as_str(), bytes.as_ref()), expected);
        }
        assert_eq!(assembler.announced, 0);
    }

    #[test]
    fn broken_rules_are_noticed() {
        let announced = |size: usize| {
            format!(r#"{{"id":1,"attachments":[{{"field":"state","size":{size}}}]}}"#)
        };
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"id":-1}"#,
            &announced(0),
            &announced(1 << 40),
        ] {
            assert!(Assembler::default().text(bad).is_err(), "{bad}");
        }
        for bad in [
            piece(3, b""),
            piece(3, b"abcdef"),
            Bytes::from_static(b"short"),
        ] {
            let mut assembler = Assembler::default();
            assembler.text(STATE_OF_FIVE).unwrap();
            assert!(assembler.binary(bad).is_err());
        }
        let mut assembler = Assembler::default();
        assembler.text(STATE_OF_FIVE).unwrap();
        assert!(assembler.text(STATE_OF_FIVE).is_err(), "an id in use");
    }

    #[test]
    fn what_is_unfinished_is_bounded() {
        let mut assembler = Assembler::default();
        let size = crate::protocol::MAX_STATE_BYTES;
        let began = (0..100).take_while(|id| {
            let text =
                format!(r#"{{"id":{id},"attachments":[{{"field":"state","size":{size}}}]}}"#);
            assembler.text(&text).is_ok()
        });
        assert_eq!(began.count(), MAX_UNFINISHED_BYTES / size);
    }
}

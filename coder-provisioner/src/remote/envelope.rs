//! The JSON of a call and of its answer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body::Body;
use super::limits::{MAX_ENVELOPE_BYTES, attachment_limit};
use crate::{Error, ErrorKind, Result};

/// Name of the attachment that holds a body too long for its envelope.
pub(super) const BODY: &str = "body";

/// A text message: a call, its answer, or the wish to end a call.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Envelope {
    /// Chosen by the daemon, unique among the calls under way.
    pub(super) id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) cancel: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) params: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<WireError>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attachments: Vec<Attachment>,
}

/// Bytes that follow an envelope.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attachment {
    /// The field of the body that they are, or [`BODY`].
    pub(super) field: String,
    /// How many, at least one.
    pub(super) size: usize,
}

/// Why a call failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireError {
    pub(super) kind: String,
    pub(super) message: String,
}

/// An envelope with all its bytes.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) envelope: Envelope,
    pub(super) attachments: Vec<(String, Bytes)>,
}

impl Message {
    /// A call.
    pub(super) fn call<B: Body>(id: u64, call: &str, body: B) -> Result<Self> {
        let mut message = Self::default();
        message.envelope.id = id;
        message.envelope.call = Some(call.to_owned());
        message.envelope.params = message.with(body)?;
        message.finish()
    }

    /// The wish to end a call.
    pub(super) fn cancel(id: u64) -> Self {
        let mut message = Self::default();
        message.envelope.id = id;
        message.envelope.cancel = true;
        message
    }

    /// The answer to a call.
    pub(super) fn answer<B: Body>(id: u64, answer: Result<B>) -> Result<Self> {
        let mut message = Self::default();
        message.envelope.id = id;
        match answer {
            Ok(body) => message.envelope.result = message.with(body)?,
            Err(error) => message.envelope.error = Some(WireError::from(&error)),
        }
        message.finish()
    }

    /// Bytes besides the envelope.
    pub(super) fn attached_bytes(&self) -> usize {
        self.attachments.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// What was asked.
    pub(super) fn into_params<B: Body>(mut self) -> Result<B> {
        let params = self.envelope.params.take();
        self.into_body(params)
    }

    /// What was answered.
    pub(super) fn into_result<B: Body>(mut self) -> Result<B> {
        if let Some(error) = self.envelope.error {
            return Err(error.into());
        }
        let result = self.envelope.result.take();
        self.into_body(result)
    }

    fn into_body<B: Body>(self, inline: Option<Value>) -> Result<B> {
        let refused = |error| {
            Error::new(ErrorKind::InvalidRequest, "the message is not understood")
                .with_source(error)
        };
        let whole = self.attachments.iter().find(|(field, _)| field == BODY);
        let mut body: B = match (whole, inline) {
            (Some((_, bytes)), _) => serde_json::from_slice(bytes).map_err(refused)?,
            (None, Some(value)) => serde_json::from_value(value).map_err(refused)?,
            (None, None) => serde_json::from_str("{}").map_err(refused)?,
        };
        for (field, bytes) in self.attachments {
            body.attach(&field, bytes);
        }
        Ok(body)
    }

    fn with<B: Body>(&mut self, mut body: B) -> Result<Option<Value>> {
        self.attachments = body
            .detach()
            .into_iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(field, bytes)| (field.to_owned(), bytes))
            .collect();
        let value = serde_json::to_value(&body)
            .map_err(|error| Error::internal("a message cannot be written", error))?;
        Ok(Some(value))
    }

    /// Moves a body that is too long out of the envelope, and checks the limits.
    fn finish(mut self) -> Result<Self> {
        let failed = |error| Error::internal("a message cannot be written", error);
        if self.envelope.to_text().map_err(failed)?.len() > MAX_ENVELOPE_BYTES {
            let envelope = &mut self.envelope;
            if let Some(body) = envelope.params.take().or_else(|| envelope.result.take()) {
                let bytes = serde_json::to_vec(&body).map_err(failed)?;
                self.attachments.insert(0, (BODY.to_owned(), bytes.into()));
            }
        }
        for (field, bytes) in &self.attachments {
            let limit = attachment_limit(field);
            if bytes.len() > limit {
                let text = format!("{field} has {} bytes, at most {limit}", bytes.len());
                return Err(Error::new(ErrorKind::InvalidRequest, text));
            }
            self.envelope.attachments.push(Attachment {
                field: field.clone(),
                size: bytes.len(),
            });
        }
        Ok(self)
    }
}

impl Envelope {
    pub(super) fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

const KINDS: [(ErrorKind, &str); 8] = [
    (ErrorKind::InvalidArchive, "invalid_archive"),
    (ErrorKind::InvalidTemplate, "invalid_template"),
    (ErrorKind::InvalidRequest, "invalid_request"),
    (ErrorKind::Canceled, "canceled"),
    (ErrorKind::Failed, "failed"),
    (ErrorKind::Unavailable, "unavailable"),
    (ErrorKind::LeaseLost, "lease_lost"),
    (ErrorKind::Internal, "internal"),
];

impl From<&Error> for WireError {
    fn from(error: &Error) -> Self {
        let kind = KINDS.iter().find(|(kind, _)| *kind == error.kind());
        Self {
            kind: kind.map_or("internal", |(_, name)| name).to_owned(),
            message: error.chain(),
        }
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        let kind = KINDS.iter().find(|(_, name)| *name == error.kind);
        let kind = kind.map_or(ErrorKind::Internal, |(kind, _)| *kind);
        Self::new(kind, error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::UpdateJob;
    use coder_core::id::{LeaseId, ProvisionerJobId};
    use uuid::Uuid;

    fn update() -> UpdateJob {
        UpdateJob::new(ProvisionerJobId(Uuid::nil()), LeaseId(Uuid::nil()))
    }

    #[test]
    fn bytes_travel_beside_the_json() {
        let mut sent = update();
        sent.state = Some(Bytes::from_static(b"\x00state"));
        let message = Message::call(7, "update_job", sent).unwrap();
        let text = message.envelope.to_text().unwrap();
        assert!(
            text.contains(r#""attachments":[{"field":"state","size":6}]"#),
            "{text}"
        );
        let received: UpdateJob = message.into_params().unwrap();
        assert_eq!(received.state.as_deref(), Some(&b"\x00state"[..]));
    }

    #[test]
    fn a_long_body_leaves_the_envelope() {
        let mut sent = update();
        sent.readme = Some("x".repeat(MAX_ENVELOPE_BYTES));
        let message = Message::call(7, "update_job", sent).unwrap();
        assert!(message.envelope.to_text().unwrap().len() < 1024);
        let received: UpdateJob = message.into_params().unwrap();
        assert_eq!(
            received.readme.map(|text| text.len()),
            Some(MAX_ENVELOPE_BYTES)
        );
    }

    #[test]
    fn too_many_bytes_are_refused_before_they_are_sent() {
        let mut sent = update();
        sent.state = Some(vec![0; crate::protocol::MAX_STATE_BYTES + 1].into());
        let refused = Message::call(7, "update_job", sent).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
        assert!(refused.to_string().contains("state has"), "{refused}");
    }

    #[test]
    fn every_kind_of_error_arrives_as_itself() {
        for (kind, _) in KINDS {
            let answer = Message::answer::<UpdateJob>(1, Err(Error::new(kind, "why")));
            let error = answer.unwrap().into_result::<UpdateJob>().unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (kind, "why".to_owned()));
        }
    }
}

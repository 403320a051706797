//! Terraform states in requests.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use std::fmt;

/// A state, in JSON as base64. It is decoded from the request's own bytes: a second copy of a large one would be
/// made in vain.
#[derive(Clone, Default)]
pub(super) struct StateBytes(pub(super) Vec<u8>);

struct Base64;

impl Visitor<'_> for Base64 {
    type Value = StateBytes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<StateBytes, E> {
        let bytes = STANDARD.decode(text);
        bytes
            .map(StateBytes)
            .map_err(|_| E::custom("must be base64"))
    }
}

impl<'de> Deserialize<'de> for StateBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64)
    }
}

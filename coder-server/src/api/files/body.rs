//! Reads an upload, within bounds.

use axum::body::Body;
use coder_core::{Error, ErrorKind};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// The largest archive, bytes.
pub(super) const MAX_ARCHIVE: usize = 100 * 1024 * 1024;
/// The longest silence of an uploading client.
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// Reads a body. What exceeds the bound is refused as soon as it is seen, whatever was declared.
pub(super) async fn read(mut body: Body, declared: Option<u64>) -> Result<Vec<u8>, Error> {
    if declared.is_some_and(|length| length > MAX_ARCHIVE as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        let frame = timeout(MAX_SILENCE, body.frame()).await;
        let frame = frame.map_err(|_| Error::invalid("The upload stopped."))?;
        let Some(frame) = frame else {
            return Ok(bytes);
        };
        let frame = frame
            .map_err(|error| Error::invalid("The body could not be read.").with_source(error))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > MAX_ARCHIVE {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
    }
}

pub(super) fn too_large() -> Error {
    let message = format!("The archive exceeds the maximum size of {MAX_ARCHIVE} bytes.");
    Error::new(ErrorKind::TooLarge, message)
}

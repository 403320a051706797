//! Bounds of the wire. Both sides keep them, and check that the other does.

use std::time::Duration;

use crate::protocol::{MAX_ARCHIVE_BYTES, MAX_MODULE_FILES_BYTES, MAX_STATE_BYTES};

/// Largest WebSocket message that is accepted, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Largest piece of an attachment that is sent, in bytes: small enough for other calls to get
/// between on a slow line.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Longest envelope that is sent as one text message, in bytes; the body of a longer one becomes an
/// attachment.
pub const MAX_ENVELOPE_BYTES: usize = 512 * 1024;

/// Largest body of JSON, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of unfinished messages that one connection may hold.
pub const MAX_UNFINISHED_BYTES: usize = 256 * 1024 * 1024;

/// Calls of one daemon that may be under way at once.
pub const MAX_CALLS: usize = 256;

/// Time between two pings. Proxies cut what is silent for a minute.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Silence after which a connection counts as lost.
pub const MAX_SILENCE: Duration = Duration::from_secs(25);

/// Time in which a daemon confirms a job that it was handed.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// Frames that wait to be sent.
pub(super) const QUEUED_FRAMES: usize = 8;

/// Messages larger than this are sent one at a time, so that what is unfinished stays bounded.
pub(super) const LARGE_BYTES: usize = 1024 * 1024;

/// The largest attachment of this name, in bytes.
pub(super) fn attachment_limit(field: &str) -> usize {
    match field {
        "template_archive" => MAX_ARCHIVE_BYTES,
        "module_files" => MAX_MODULE_FILES_BYTES,
        "state" => MAX_STATE_BYTES,
        _ => MAX_BODY_BYTES,
    }
}

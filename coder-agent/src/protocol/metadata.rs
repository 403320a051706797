use coder_core::Timestamp;
use serde::{Deserialize, Serialize};

/// How much output of one metadata script an agent keeps and sends, in bytes.
pub const MAX_METADATA_OUTPUT_BYTES: usize = 10 * 1024;

/// How much of a value, and of an error, the server stores, in bytes.
pub const MAX_METADATA_STORED_BYTES: usize = 2_048;

/// The bound on all keys of one agent together, in bytes.
pub const MAX_METADATA_KEYS_BYTES: usize = 6_144;

/// `POST metadata`: the newest results, at most one for each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMetadata {
    /// The results.
    pub metadata: Vec<MetadataResult>,
}

/// What one run of a metadata script gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataResult {
    /// The key of the [`MetadataDescription`](super::MetadataDescription).
    pub key: String,
    /// When the script ended.
    pub collected_at: Timestamp,
    /// Seconds between collection and sending.
    #[serde(default)]
    pub age: i64,
    /// The output without trailing white space.
    #[serde(default)]
    pub value: String,
    /// Why there is no good value; empty when the script succeeded.
    #[serde(default)]
    pub error: String,
}

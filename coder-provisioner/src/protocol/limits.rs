//! The protocol's version and the bounds of its messages.

/// Version of these messages, `major.minor`. A different major is refused; a higher minor only
/// adds optional fields.
pub const PROTOCOL_VERSION: &str = "1.0";

/// Largest template archive, in bytes of tar. Same as the upload limit of the API.
pub const MAX_ARCHIVE_BYTES: usize = 100 * 1024 * 1024;

/// Largest archive of modules that is kept with a template version, in bytes of tar. Coder's limit too.
pub const MAX_MODULE_FILES_BYTES: usize = 20 * 1024 * 1024;

/// Largest state of a build, in bytes.
pub const MAX_STATE_BYTES: usize = coder_core::workspace_build::MAX_STATE_BYTES;

/// Largest README taken out of an archive, in bytes; a longer one is cut. The API's limit for
/// text of this kind.
pub const MAX_README_BYTES: usize = 1024 * 1024;

/// Log text kept for one job, in bytes. The rest is dropped with a closing warning.
pub const MAX_JOB_LOG_BYTES: usize = 1_048_576;

/// Log lines kept for one job, however short they are.
pub const MAX_JOB_LOG_LINES: usize = 32_768;

/// Longest single log line, in bytes; a longer one is cut with a note.
pub const MAX_LOG_LINE_BYTES: usize = 64 * 1024;

/// Log lines in one update.
pub const MAX_LOG_BATCH_LINES: usize = 100;

/// Resources in one result; a template with more is refused.
pub const MAX_RESOURCES: usize = 10_000;

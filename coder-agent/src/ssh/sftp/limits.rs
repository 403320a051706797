//! What one SFTP session may use. OpenSSH's server and client have the same sizes.

/// The longest packet, without its length.
pub(super) const MAX_PACKET: usize = 256 * 1024;

/// The most bytes that one request reads or writes, so that they fit into a packet.
pub(super) const MAX_DATA: usize = MAX_PACKET - 1024;

/// Files and directories that a session may have open.
pub(super) const MAX_HANDLES: usize = 256;

/// Bytes of one answer's entries of a directory: many, for each answer is a round trip, and few
/// enough for clients with small buffers.
pub(super) const MAX_NAMES: usize = 64 * 1024;

/// Answers are gathered up to this before they are sent.
pub(super) const BATCH: usize = 256 * 1024;

/// Bytes copied at once within the workspace.
pub(super) const COPY_CHUNK: usize = 1024 * 1024;

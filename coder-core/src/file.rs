//! Uploaded archives.

use crate::{
    Timestamp,
    id::{FileId, UserId},
};

/// The media type under which archives are kept; zip uploads are converted.
pub const TAR: &str = "application/x-tar";

/// An uploaded archive, kept once per content and uploader.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Identifier.
    pub id: FileId,
    /// Lower-case hexadecimal SHA-256 of `data`.
    pub hash: String,
    /// Who uploaded it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Media type, [`TAR`].
    pub mimetype: String,
    /// The bytes.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("id", &self.id)
            .field("hash", &self.hash)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

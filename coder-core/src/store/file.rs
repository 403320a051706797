use super::StoreResult;
use crate::{
    file::File,
    id::{FileId, UserId},
};
use async_trait::async_trait;

/// Uploaded archives.
#[async_trait]
pub trait FileStore: Send {
    /// Adds one. Conflict: `files_hash_created_by_key`.
    async fn insert(&mut self, file: &File) -> StoreResult<()>;
    /// By id.
    async fn get(&mut self, id: FileId) -> StoreResult<Option<File>>;
    /// The id of the same bytes uploaded by the same user before.
    async fn find(&mut self, hash: &str, created_by: UserId) -> StoreResult<Option<FileId>>;
}

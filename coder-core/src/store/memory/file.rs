use super::{MemoryTransaction, table::unique, text};
use crate::{
    file::File,
    id::{FileId, UserId},
    store::{FileStore, StoreResult},
};
use async_trait::async_trait;

#[async_trait]
impl FileStore for MemoryTransaction {
    async fn insert(&mut self, file: &File) -> StoreResult<()> {
        text::check([("hash", file.hash.as_str()), ("mimetype", &file.mimetype)])?;
        let files = &mut self.data.files;
        let taken = files.any(|row| row.hash == file.hash && row.created_by == file.created_by);
        unique("files_hash_created_by_key", !taken)?;
        files.insert("files_pkey", file.id, file.clone())
    }

    async fn get(&mut self, id: FileId) -> StoreResult<Option<File>> {
        Ok(self.data.files.get(&id).cloned())
    }

    async fn find(&mut self, hash: &str, created_by: UserId) -> StoreResult<Option<FileId>> {
        let files = &self.data.files;
        let found = files.find(|row| row.hash == hash && row.created_by == created_by);
        Ok(found.map(|row| row.id))
    }
}

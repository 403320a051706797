//! Uploaded archives.

use async_trait::async_trait;
use coder_core::{
    file::File,
    id::{FileId, UserId},
    store::{FileStore, StoreResult},
};
use sea_orm::entity::prelude::*;

use crate::db::{convert::FromRow, entity::file, query::Query, transaction::PgTransaction};

#[async_trait]
impl FileStore for PgTransaction {
    async fn insert(&mut self, file: &File) -> StoreResult<()> {
        self.insert_row(file::Model {
            id: file.id.0,
            hash: file.hash.clone(),
            created_by: file.created_by.0,
            created_at: file.created_at,
            mimetype: file.mimetype.clone(),
            data: file.data.clone(),
        })
        .await
    }

    async fn get(&mut self, id: FileId) -> StoreResult<Option<File>> {
        self.find_one(file::Entity::find_by_id(id.0)).await
    }

    async fn find(&mut self, hash: &str, created_by: UserId) -> StoreResult<Option<FileId>> {
        let mut query = Query::new("SELECT id FROM files WHERE hash = ");
        query
            .bind(hash)
            .push(" AND created_by = ")
            .bind(created_by.0);
        Ok(self.query_value::<Uuid>(&query).await?.map(FileId))
    }
}

impl FromRow for File {
    type Row = file::Model;

    fn from_row(row: file::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            hash: row.hash,
            created_by: row.created_by.into(),
            created_at: row.created_at,
            mimetype: row.mimetype,
            data: row.data,
        })
    }
}

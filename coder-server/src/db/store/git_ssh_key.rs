//! Key pairs for Git hosts.

use async_trait::async_trait;
use coder_core::{
    git_ssh_key::GitSshKey,
    id::UserId,
    store::{GitSshKeyStore, StoreError, StoreResult},
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    entity::prelude::*,
};

use crate::db::{
    convert::{FromRow, corrupt},
    encryption::Stored,
    entity::git_ssh_key,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "git_ssh_keys";

/// A pair as it is stored.
struct Sealed(git_ssh_key::Model);

impl FromRow for Sealed {
    type Row = git_ssh_key::Model;

    fn from_row(row: git_ssh_key::Model) -> StoreResult<Self> {
        Ok(Self(row))
    }
}

#[async_trait]
impl GitSshKeyStore for PgTransaction {
    async fn get(&mut self, user: UserId) -> StoreResult<Option<GitSshKey>> {
        let found: Option<Sealed> = self
            .find_one(git_ssh_key::Entity::find_by_id(user.0))
            .await?;
        let Some(Sealed(row)) = found else {
            return Ok(None);
        };
        let private_key = self
            .encryption()
            .open(user.0, &row.private_key, row.private_key_key_id.as_deref())
            .map_err(|error| corrupt(TABLE, error))?;
        Ok(Some(GitSshKey {
            user_id: row.user_id.into(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            private_key,
            public_key: row.public_key,
        }))
    }

    async fn get_or_insert(&mut self, key: &GitSshKey) -> StoreResult<GitSshKey> {
        let Stored { text, key_id } = self.sealed(key)?;
        let row = git_ssh_key::Model {
            user_id: key.user_id.0,
            created_at: key.created_at,
            updated_at: key.updated_at,
            private_key: text,
            private_key_key_id: key_id,
            public_key: key.public_key.clone(),
        };
        self.insert_new_rows(vec![row]).await?;
        // Another transaction that made one first has ended by now, and its pair is seen.
        let stored = GitSshKeyStore::get(self, key.user_id).await?;
        Ok(stored.unwrap_or_else(|| key.clone()))
    }

    async fn update(&mut self, key: &GitSshKey) -> StoreResult<()> {
        let Stored { text, key_id } = self.sealed(key)?;
        let values = git_ssh_key::ActiveModel {
            user_id: Unchanged(key.user_id.0),
            updated_at: Set(key.updated_at),
            private_key: Set(text),
            private_key_key_id: Set(key_id),
            public_key: Set(key.public_key.clone()),
            ..Default::default()
        };
        let rows = git_ssh_key::Column::UserId.eq(key.user_id.0);
        self.update_rows(values, rows).await
    }

    async fn delete(&mut self, user: UserId) -> StoreResult<()> {
        let mut query = Query::new("DELETE FROM git_ssh_keys WHERE user_id = ");
        self.execute(query.bind(user.0)).await.map(|_| ())
    }
}

impl PgTransaction {
    fn sealed(&self, key: &GitSshKey) -> StoreResult<Stored> {
        self.encryption()
            .seal(key.user_id.0, &key.private_key)
            .map_err(|error| StoreError::Backend(error.into()))
    }
}

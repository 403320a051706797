//! Session keys and tokens.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    api_key::ApiKey,
    id::UserId,
    store::{ApiKeyStore, StoreResult},
};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::db::{
    convert::{FromRow, token_hash, word},
    entity::api_key,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "api_keys";

#[async_trait]
impl ApiKeyStore for PgTransaction {
    async fn insert(&mut self, key: &ApiKey) -> StoreResult<()> {
        self.insert_row(api_key::Model {
            id: key.id.clone(),
            secret_hash: key.secret_hash.0.to_vec(),
            user_id: key.user_id.0,
            last_used: key.last_used,
            expires_at: key.expires_at,
            created_at: key.created_at,
            updated_at: key.updated_at,
            login_type: key.login_type.to_string(),
            lifetime_seconds: key.lifetime_seconds,
            scopes: key.scopes.clone(),
            token_name: key.token_name.clone(),
        })
        .await
    }

    async fn get(&mut self, id: &str) -> StoreResult<Option<ApiKey>> {
        self.find_one(api_key::Entity::find_by_id(id)).await
    }

    async fn by_name(&mut self, user: UserId, token_name: &str) -> StoreResult<Option<ApiKey>> {
        // Keys of sessions have no name, and are not found by having none.
        self.find_one(
            api_key::Entity::find()
                .filter(api_key::Column::UserId.eq(user.0))
                .filter(api_key::Column::TokenName.eq(token_name))
                .filter(api_key::Column::TokenName.ne("")),
        )
        .await
    }

    async fn list(&mut self, user: UserId) -> StoreResult<Vec<ApiKey>> {
        self.find_all(
            api_key::Entity::find()
                .filter(api_key::Column::UserId.eq(user.0))
                .order_by_desc(api_key::Column::CreatedAt)
                .order_by_asc(api_key::Column::Id),
        )
        .await
    }

    async fn touch(&mut self, id: &str, used: Timestamp, expires_at: Timestamp) -> StoreResult<()> {
        let mut query = Query::new("UPDATE api_keys SET last_used = ");
        query
            .bind(used)
            .push(", expires_at = ")
            .bind(expires_at)
            .push(" WHERE id = ")
            .bind(id);
        self.execute(&query).await.map(|_| ())
    }

    async fn delete(&mut self, id: &str) -> StoreResult<()> {
        let mut query = Query::new("DELETE FROM api_keys WHERE id = ");
        self.execute(query.bind(id)).await.map(|_| ())
    }

    async fn delete_of_user(&mut self, user: UserId) -> StoreResult<()> {
        let mut query = Query::new("DELETE FROM api_keys WHERE user_id = ");
        self.execute(query.bind(user.0)).await.map(|_| ())
    }

    async fn delete_expired(&mut self, before: Timestamp) -> StoreResult<u64> {
        let mut query = Query::new("DELETE FROM api_keys WHERE expires_at < ");
        self.execute(query.bind(before)).await
    }
}

impl FromRow for ApiKey {
    type Row = api_key::Model;

    fn from_row(row: api_key::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            secret_hash: token_hash(TABLE, &row.secret_hash)?,
            user_id: row.user_id.into(),
            last_used: row.last_used,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            login_type: word(TABLE, &row.login_type)?,
            lifetime_seconds: row.lifetime_seconds,
            scopes: row.scopes,
            token_name: row.token_name,
        })
    }
}

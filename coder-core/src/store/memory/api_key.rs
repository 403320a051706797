use super::{MemoryTransaction, table::unique, text};
use crate::{
    Timestamp,
    api_key::ApiKey,
    id::UserId,
    store::{ApiKeyStore, StoreResult},
};
use async_trait::async_trait;
use std::cmp::Reverse;

#[async_trait]
impl ApiKeyStore for MemoryTransaction {
    async fn insert(&mut self, key: &ApiKey) -> StoreResult<()> {
        text::check([("id", key.id.as_str()), ("token_name", &key.token_name)])?;
        let keys = &mut self.data.api_keys;
        let taken = !key.token_name.is_empty()
            && keys.any(|row| row.user_id == key.user_id && row.token_name == key.token_name);
        unique("api_keys_user_id_token_name_key", !taken)?;
        keys.insert("api_keys_pkey", key.id.clone(), key.clone())
    }

    async fn get(&mut self, id: &str) -> StoreResult<Option<ApiKey>> {
        Ok(self.data.api_keys.get(&id.to_owned()).cloned())
    }

    async fn by_name(&mut self, user: UserId, token_name: &str) -> StoreResult<Option<ApiKey>> {
        let found = self.data.api_keys.find(|row| {
            row.user_id == user && !row.token_name.is_empty() && row.token_name == token_name
        });
        Ok(found.cloned())
    }

    async fn list(&mut self, user: UserId) -> StoreResult<Vec<ApiKey>> {
        let keys = self.data.api_keys.values();
        let mut found: Vec<ApiKey> = keys.filter(|row| row.user_id == user).cloned().collect();
        found.sort_by_key(|row| Reverse(row.created_at));
        Ok(found)
    }

    async fn touch(&mut self, id: &str, used: Timestamp, expires_at: Timestamp) -> StoreResult<()> {
        if let Some(row) = self.data.api_keys.update(&id.to_owned()) {
            row.last_used = used;
            row.expires_at = expires_at;
        }
        Ok(())
    }

    async fn delete(&mut self, id: &str) -> StoreResult<()> {
        self.data.api_keys.remove(&id.to_owned());
        Ok(())
    }

    async fn delete_of_user(&mut self, user: UserId) -> StoreResult<()> {
        self.data.api_keys.remove_where(|row| row.user_id == user);
        Ok(())
    }

    async fn delete_expired(&mut self, before: Timestamp) -> StoreResult<u64> {
        let keys = &mut self.data.api_keys;
        Ok(keys.remove_where(|row| row.expires_at < before))
    }
}

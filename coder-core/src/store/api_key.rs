use super::StoreResult;
use crate::{Timestamp, api_key::ApiKey, id::UserId};
use async_trait::async_trait;

/// Session keys and tokens.
#[async_trait]
pub trait ApiKeyStore: Send {
    /// Adds one. Conflicts: `api_keys_pkey`, `api_keys_user_id_token_name_key` (only named ones).
    async fn insert(&mut self, key: &ApiKey) -> StoreResult<()>;
    /// By public part.
    async fn get(&mut self, id: &str) -> StoreResult<Option<ApiKey>>;
    /// A token by its name.
    async fn by_name(&mut self, user: UserId, token_name: &str) -> StoreResult<Option<ApiKey>>;
    /// All keys of a user, newest first.
    async fn list(&mut self, user: UserId) -> StoreResult<Vec<ApiKey>>;
    /// Notes a use, and when the key ends now.
    async fn touch(&mut self, id: &str, used: Timestamp, expires_at: Timestamp) -> StoreResult<()>;
    /// Removes one.
    async fn delete(&mut self, id: &str) -> StoreResult<()>;
    /// Removes all of a user.
    async fn delete_of_user(&mut self, user: UserId) -> StoreResult<()>;
    /// Removes those that ended before a time; says how many.
    async fn delete_expired(&mut self, before: Timestamp) -> StoreResult<u64>;
}

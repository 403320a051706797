use super::StoreResult;
use async_trait::async_trait;

/// Facts of the deployment, such as its id, by key.
#[async_trait]
pub trait SettingStore: Send {
    /// The value of a key.
    async fn get(&mut self, key: &str) -> StoreResult<Option<String>>;
    /// Sets a key that has no value yet, and answers the value it has then.
    async fn get_or_insert(&mut self, key: &str, value: &str) -> StoreResult<String>;
    /// Sets a key.
    async fn set(&mut self, key: &str, value: &str) -> StoreResult<()>;
}

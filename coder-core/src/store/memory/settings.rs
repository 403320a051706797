use super::{MemoryTransaction, text};
use crate::store::{SettingStore, StoreResult};
use async_trait::async_trait;

#[async_trait]
impl SettingStore for MemoryTransaction {
    async fn get(&mut self, key: &str) -> StoreResult<Option<String>> {
        Ok(self.data.settings.get(&key.to_owned()).cloned())
    }

    async fn get_or_insert(&mut self, key: &str, value: &str) -> StoreResult<String> {
        text::check([("key", key), ("value", value)])?;
        if let Some(present) = self.data.settings.get(&key.to_owned()) {
            return Ok(present.clone());
        }
        self.data.settings.put(key.to_owned(), value.to_owned());
        Ok(value.to_owned())
    }

    async fn set(&mut self, key: &str, value: &str) -> StoreResult<()> {
        text::check([("key", key), ("value", value)])?;
        self.data.settings.put(key.to_owned(), value.to_owned());
        Ok(())
    }
}

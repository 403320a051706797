//! Facts of the deployment.

use async_trait::async_trait;
use coder_core::store::{SettingStore, StoreResult};

use crate::db::{query::Query, transaction::PgTransaction};

#[async_trait]
impl SettingStore for PgTransaction {
    async fn get(&mut self, key: &str) -> StoreResult<Option<String>> {
        let mut query = Query::new("SELECT value FROM settings WHERE key = ");
        self.query_value(query.bind(key)).await
    }

    async fn get_or_insert(&mut self, key: &str, value: &str) -> StoreResult<String> {
        let mut query = Query::new("INSERT INTO settings (key, value) VALUES (");
        query
            .bind(key)
            .push(", ")
            .bind(value)
            .push(") ON CONFLICT (key) DO NOTHING");
        self.execute(&query).await?;
        // Another transaction that set it first has ended by now, and its value is seen.
        let stored = SettingStore::get(self, key).await?;
        Ok(stored.unwrap_or_else(|| value.to_owned()))
    }

    async fn set(&mut self, key: &str, value: &str) -> StoreResult<()> {
        let mut query = Query::new("INSERT INTO settings (key, value) VALUES (");
        query.bind(key).push(", ").bind(value);
        query.push(") ON CONFLICT (key) DO UPDATE SET value = excluded.value");
        self.execute(&query).await.map(|_| ())
    }
}

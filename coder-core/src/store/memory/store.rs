//! The store itself.

use super::{data::Data, pubsub::Bus, transaction::MemoryTransaction};
use crate::{
    Error,
    event::{PubSub, Subscription, Topic},
    store::{Store, StoreResult, Transaction},
};
use async_trait::async_trait;
use futures_util::lock::Mutex;
use std::sync::Arc;

/// Keeps everything in memory, and delivers events to the same process. Clones are the same store.
///
/// A subscriber that falls more than 1024 events behind gets [`Signal::Missed`](crate::event::Signal).
/// Only one transaction is open at a time: the next [`begin`](Store::begin) waits, without a bound of its
/// own, until the one before has ended or was dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
    bus: Bus,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let committed = Arc::clone(&self.data).lock_owned().await;
        let transaction = MemoryTransaction::new(committed, self.bus.clone());
        Ok(Box::new(transaction))
    }

    async fn ping(&self) -> StoreResult<()> {
        Ok(())
    }
}

#[async_trait]
impl PubSub for MemoryStore {
    async fn subscribe(&self, topic: Topic) -> Result<Subscription, Error> {
        Ok(self.bus.subscribe(topic))
    }
}

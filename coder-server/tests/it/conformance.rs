//! What every store must do, done by the one on PostgreSQL.

use std::sync::Arc;

use coder_server::db::{PgPubSub, testing::TestDatabase};

coder_core::store_conformance!(postgres, async {
    let database = TestDatabase::create().await;
    let store = Arc::new(database.store().await);
    let pubsub = Arc::new(PgPubSub::start(database.options()).await);
    (store as _, pubsub as _, database)
});

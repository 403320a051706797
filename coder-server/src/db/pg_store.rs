//! The store.

use std::time::Duration;

use async_trait::async_trait;
use coder_core::store::{Store, StoreError, StoreResult, Transaction};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, SqlxPostgresConnector, TransactionTrait as _,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{
    encryption::TokenEncryption,
    error::{database_error, sqlx_error},
    transaction::PgTransaction,
};
use crate::postgres::locate::MINIMUM_MAJOR;

/// How long closing waits for connections in use.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// Address, role and database.
    pub connect: PgConnectOptions,
    /// Most connections at once. The one that listens for events comes on top.
    pub max_open: u32,
    /// How long a transaction waits for a free connection before the caller is told that the
    /// database is not available.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement, waiting for locks included.
    pub statement_timeout: Duration,
    /// Encrypts secrets that have to be read again.
    pub encryption: TokenEncryption,
}

impl DatabaseOptions {
    /// Ten connections, 2.5 s for one to become free, 30 s for a statement, no encryption.
    pub fn new(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            max_open: 10,
            acquire_timeout: Duration::from_millis(2500),
            statement_timeout: Duration::from_secs(30),
            encryption: TokenEncryption::default(),
        }
    }
}

/// The storage traits of the core on PostgreSQL. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct PgStore {
    connection: DatabaseConnection,
    encryption: TokenEncryption,
}

impl PgStore {
    /// Connects, and checks the version of the server. The schema must be there already, see
    /// [`migrate`](super::migrate).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be reached, [`StoreError::Backend`]
    /// when it is too old.
    pub async fn connect(options: DatabaseOptions) -> StoreResult<Self> {
        let milliseconds = options.statement_timeout.as_millis().to_string();
        let connect = options.connect.options([
            ("statement_timeout", milliseconds.as_str()),
            // A transaction forgotten half way must not hold its locks for ever.
            ("idle_in_transaction_session_timeout", "60000"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_open)
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect)
            .await
            .map_err(sqlx_error)?;
        let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
            .fetch_one(&pool)
            .await
            .map_err(sqlx_error)?;
        if u32::try_from(version).unwrap_or_default() / 10_000 < MINIMUM_MAJOR {
            let text = format!("PostgreSQL {MINIMUM_MAJOR} or newer is needed, this is {version}");
            return Err(StoreError::Backend(text.into()));
        }
        Ok(Self {
            connection: SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
            encryption: options.encryption,
        })
    }

    /// Closes all connections. Waits a moment for those in use; they are closed when they are given
    /// back, or with the process.
    ///
    /// # Errors
    /// As every access; [`StoreError::Unavailable`] when some are still in use.
    pub async fn close(self) -> StoreResult<()> {
        match tokio::time::timeout(CLOSE_TIMEOUT, self.connection.close()).await {
            Ok(closed) => closed.map_err(database_error),
            Err(elapsed) => Err(StoreError::Unavailable(elapsed.into())),
        }
    }
}

#[async_trait]
impl Store for PgStore {
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let transaction = self.connection.begin().await.map_err(database_error)?;
        let encryption = self.encryption.clone();
        Ok(Box::new(PgTransaction::new(transaction, encryption)))
    }

    async fn ping(&self) -> StoreResult<()> {
        self.connection
            .execute_unprepared("SELECT 1")
            .await
            .map(|_| ())
            .map_err(database_error)
    }
}

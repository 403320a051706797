//! The database: the bundled PostgreSQL or another one, migrated and connected.

use super::ServerError;
use crate::{
    config::Config,
    db::{DatabaseOptions, PgPubSub, PgStore, TokenEncryption, migrate},
    postgres::{BundledOptions, BundledPostgres},
};
use sqlx::postgres::PgConnectOptions;
use std::{path::Path, str::FromStr as _};

/// The database of a running server.
pub(super) struct Database {
    pub(super) store: PgStore,
    pub(super) pubsub: PgPubSub,
    bundled: Option<BundledPostgres>,
}

impl Database {
    /// Starts or finds it. The bundled one keeps its files below `folder`.
    pub(super) async fn open(config: &Config, folder: &Path) -> Result<Self, ServerError> {
        let keys = &config.database.external_token_encryption_keys;
        let encryption = TokenEncryption::new(keys).map_err(|error| ServerError::Option {
            option: "--external-token-encryption-keys",
            reason: error.to_string(),
        })?;
        let bundled = match config.database.postgres_url {
            Some(_) => None,
            None => {
                let directory = (!config.ephemeral).then(|| folder.join("postgres"));
                tracing::info!("starting the bundled PostgreSQL");
                Some(BundledPostgres::start(BundledOptions::new(directory)).await?)
            }
        };
        let connect = match (&bundled, &config.database.postgres_url) {
            (Some(bundled), _) => bundled.connect_options(),
            (None, Some(url)) => {
                PgConnectOptions::from_str(url.expose()).map_err(|error| ServerError::Option {
                    option: "--postgres-url",
                    reason: error.to_string(),
                })?
            }
            (None, None) => PgConnectOptions::new(),
        };
        migrate(&connect).await?;
        let mut options = DatabaseOptions::new(connect.clone());
        options.max_open = config.database.postgres_conn_max_open;
        options.encryption = encryption;
        let store = PgStore::connect(options).await?;
        let pubsub = PgPubSub::start(connect).await;
        Ok(Self {
            store,
            pubsub,
            bundled,
        })
    }

    /// Stops the bundled one.
    pub(super) async fn close(bundled: Option<BundledPostgres>, store: PgStore) {
        if let Err(error) = store.close().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "connections were not closed"
            );
        }
        if let Some(bundled) = bundled
            && let Err(error) = bundled.stop().await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "PostgreSQL did not stop well"
            );
        }
    }

    /// The parts, the bundled PostgreSQL apart.
    pub(super) fn split(self) -> (PgStore, PgPubSub, Option<BundledPostgres>) {
        (self.store, self.pubsub, self.bundled)
    }
}

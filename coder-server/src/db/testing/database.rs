//! A database for one test.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, postgres::PgConnectOptions,
};

use super::cluster::{Cluster, TEMPLATE};
use crate::db::{DatabaseOptions, PgStore};

/// A database of its own, dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: &'static Cluster,
    name: String,
}

impl TestDatabase {
    /// A database with the current schema and no rows.
    ///
    /// # Panics
    /// When there is no usable PostgreSQL.
    pub async fn create() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    /// A database without any table.
    ///
    /// # Panics
    /// When there is no usable PostgreSQL.
    pub async fn create_empty() -> Self {
        Self::copy_of("template1").await
    }

    /// How the application connects.
    pub fn options(&self) -> PgConnectOptions {
        self.cluster.options("coder", &self.name)
    }

    /// How the superuser connects.
    pub fn admin_options(&self) -> PgConnectOptions {
        self.cluster.options("postgres", &self.name)
    }

    /// A store on it.
    ///
    /// # Panics
    /// When the database cannot be reached.
    pub async fn store(&self) -> PgStore {
        let options = DatabaseOptions {
            // Many tests at once may make a machine slow.
            acquire_timeout: Duration::from_secs(30),
            ..DatabaseOptions::new(self.options())
        };
        PgStore::connect(options).await.expect("connect")
    }

    /// The URL with which the application connects.
    pub fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }

    async fn copy_of(template: &str) -> Self {
        let cluster = Cluster::shared().await;
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE {template} OWNER coder{}",
            cluster.copy_strategy()
        );
        let mut admin = cluster
            .options("postgres", "postgres")
            .connect()
            .await
            .expect("connect");
        admin
            .execute(AssertSqlSafe(create))
            .await
            .expect("create a database");
        admin.close().await.expect("close");
        Self { cluster, name }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let admin = self.cluster.options("postgres", "postgres");
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // On a thread with a runtime of its own, since the test's may be ending.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(async {
                    let mut admin = admin.connect().await?;
                    admin.execute(AssertSqlSafe(drop)).await?;
                    admin.close().await
                })
        });
        if let Ok(Err(error)) = dropped.join() {
            tracing::warn!(%error, database = self.name, "cannot drop the test database");
        }
    }
}

//! Running the steps.

use coder_core::store::StoreResult;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, SqlxPostgresConnector};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{
    m20261123150000_users, m20261123150100_provisioner_jobs, m20261123150200_templates,
    m20261123150300_workspaces, m20261123150400_workspace_agents, m20261123220000_provisioner_keys,
    m20261123223000_template_version_presets, m20261123230000_job_turns,
    m20261126110000_agent_life, m20261126113000_retired_provisioner_keys,
    m20261126120000_git_ssh_keys, m20261126120100_instance_identities,
    m20261126120200_devcontainers,
};
use crate::db::error::{database_error, sqlx_error};

/// The advisory lock under which the schema is changed: only one server at a time does.
const LOCK: &str = "7021846399502613";

#[derive(Debug)]
struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123150000_users::Migration),
            Box::new(m20261123150100_provisioner_jobs::Migration),
            Box::new(m20261123150200_templates::Migration),
            Box::new(m20261123150300_workspaces::Migration),
            Box::new(m20261123150400_workspace_agents::Migration),
            Box::new(m20261123220000_provisioner_keys::Migration),
            Box::new(m20261123223000_template_version_presets::Migration),
            Box::new(m20261123230000_job_turns::Migration),
            Box::new(m20261126120000_git_ssh_keys::Migration),
            Box::new(m20261126120100_instance_identities::Migration),
            Box::new(m20261126120200_devcontainers::Migration),
            Box::new(m20261126110000_agent_life::Migration),
            Box::new(m20261126113000_retired_provisioner_keys::Migration),
        ]
    }
}

/// Brings the schema up to date; waits while another server does.
///
/// # Errors
/// [`Unavailable`](coder_core::store::StoreError::Unavailable) when the database cannot be
/// reached, otherwise [`Backend`](coder_core::store::StoreError::Backend), also for a schema that
/// is newer than this server.
pub async fn migrate(options: &PgConnectOptions) -> StoreResult<()> {
    let connection = locked(options).await?;
    let result = Migrator::up(&connection, None)
        .await
        .map_err(database_error);
    unlock(connection).await;
    result
}

/// Takes the last `steps` steps back, all when None. Their data is lost.
///
/// # Errors
/// As [`migrate`].
pub async fn revert(options: &PgConnectOptions, steps: Option<u32>) -> StoreResult<()> {
    let connection = locked(options).await?;
    let result = Migrator::down(&connection, steps)
        .await
        .map_err(database_error);
    unlock(connection).await;
    result
}

/// A single connection that holds the lock. If this process dies, the lock goes with the
/// connection.
async fn locked(options: &PgConnectOptions) -> StoreResult<DatabaseConnection> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await
        .map_err(sqlx_error)?;
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    connection
        .execute_unprepared(&format!("SELECT pg_advisory_lock({LOCK})"))
        .await
        .map_err(database_error)?;
    Ok(connection)
}

async fn unlock(connection: DatabaseConnection) {
    // Closing the connection is what releases the lock.
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "cannot close the connection that changed the schema");
    }
}
